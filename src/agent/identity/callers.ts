/**
 * Which pod is calling, and what it gets: the identity source names the pod behind a connection,
 * the assignments say what the server has decided for it. Requests wait here for either.
 */
import type { ConnectionEnds } from "../../net/http_messages.ts";
import type { CallerLookup, Clock, FindCaller, PodLookup, PodsByUid } from "../ports.ts";
import { pause } from "../../time/pause.ts";
import type { Assignments } from "../assignments/assignments.ts";

/** One way to identify the pod behind a connection. Times are monotonic, in milliseconds. */
export interface IdentitySource {
  /** Called for each connection as soon as it is accepted. */
  accepted(connection: ConnectionEnds): void;
  /** Immediately, from memory, for a request that arrived at `at`. */
  find(connection: ConnectionEnds, at: number): CallerLookup;
  /** Starts whatever may improve on `found`. */
  refresh(connection: ConnectionEnds, found: CallerLookup): void;
  /** The UID of the pod last seen there: only for binding session tokens, not for answering. */
  lastKnown(connection: ConnectionEnds): string | undefined;
  /** Settles once the source has identified the pod, or failed to; undefined if it isn't trying. */
  identified(connection: ConnectionEnds): Promise<unknown> | undefined;
  /** The UID or address whose changes may change the answer. */
  waitKey(connection: ConnectionEnds): string;
  /** Whether the source itself sees the pod running here, for a request that arrived at `at`. */
  runs(uid: string, at: number): boolean;
  /** Starts whatever may make `runs` true. */
  refreshRunning(at: number): void;
  /** `listener` gets the UID or address whose answer may have changed; null if all may have. */
  onChange(listener: (key: string | null) => void): void;
}

interface CallersOptions {
  readonly clock: Clock;
  readonly assignments: Assignments;
  readonly source: IdentitySource;
  /** Called when a request starts to wait. */
  readonly wanted?: () => void;
}

const identifyWithinMs = 100;

interface Wait<F extends CallerLookup> {
  readonly key: () => string;
  readonly find: () => F;
  readonly refresh: (found: F) => void;
}

export class Callers implements FindCaller, PodsByUid {
  readonly #options: CallersOptions;
  readonly #waits: WaitList;

  constructor(options: CallersOptions) {
    this.#options = options;
    this.#waits = new WaitList(options.clock);
    const wake = (key: string | null) => {
      if (key === null) this.#waits.wakeAll();
      else this.#waits.wake(key);
    };
    options.source.onChange(wake);
    options.assignments.onChange(wake);
  }

  /** The number of requests that wait. */
  get waiting(): number {
    return this.#waits.size;
  }

  find(connection: ConnectionEnds): CallerLookup {
    return this.#options.source.find(connection, this.#options.clock.monotonic());
  }

  lastKnown(connection: ConnectionEnds): string | undefined {
    return this.#options.source.lastKnown(connection);
  }

  /** Waits at most 100 ms: what needs no pod is answered even if the node is overloaded. */
  identified(connection: ConnectionEnds): Promise<void> | undefined {
    const { source, clock } = this.#options;
    const decided = source.identified(connection);
    if (decided === undefined) return undefined;
    return new Promise((resolve) => {
      const cancel = clock.after(identifyWithinMs, resolve);
      void decided.then(() => {
        cancel();
        resolve();
      });
    });
  }

  waitFor(connection: ConnectionEnds, ms: number, signal: AbortSignal): Promise<CallerLookup> {
    const { source, clock } = this.#options;
    const at = clock.monotonic();
    return this.#wait(
      {
        key: () => source.waitKey(connection),
        find: () => source.find(connection, at),
        refresh: (found) => source.refresh(connection, found),
      },
      ms,
      signal,
    );
  }

  findUid(uid: string): PodLookup {
    return this.#findUid(uid, this.#options.clock.monotonic());
  }

  waitForUid(uid: string, ms: number, signal: AbortSignal): Promise<PodLookup> {
    const at = this.#options.clock.monotonic();
    return this.#wait(
      {
        key: () => uid,
        find: () => this.#findUid(uid, at),
        refresh: (found) => {
          if (found.kind === "stale") this.#options.source.refreshRunning(at);
        },
      },
      ms,
      signal,
    );
  }

  /** A pod that the source itself sees running needs no recent frame of the server. */
  #findUid(uid: string, at: number): PodLookup {
    const { assignments, source } = this.#options;
    const pod = assignments.pod(uid);
    return pod && source.runs(uid, at) ? { kind: "pod", pod } : assignments.lookUp(uid);
  }

  async #wait<F extends CallerLookup>(
    { key, find, refresh }: Wait<F>,
    ms: number,
    signal: AbortSignal,
  ): Promise<F> {
    const deadline = this.#options.clock.monotonic() + ms;
    for (;;) {
      const found = find();
      const left = deadline - this.#options.clock.monotonic();
      if (isComplete(found) || left <= 0 || signal.aborted) return found;
      this.#options.wanted?.();
      refresh(found);
      await this.#waits.next(key(), left, signal);
    }
  }
}

/** Waiting can't improve it. */
function isComplete(found: CallerLookup): boolean {
  if (found.kind === "unproven") return true;
  return found.kind === "pod" && found.pod.outcome.kind !== "pending";
}

/** Requests that wait for news of a pod, by its UID or an address, woken when some arrives. */
class WaitList {
  readonly #clock: Clock;
  readonly #waiting = new Map<string, Set<AbortController>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Requests that wait now. */
  get size(): number {
    let size = 0;
    for (const waits of this.#waiting.values()) size += waits.size;
    return size;
  }

  wake(key: string): void {
    for (const woken of this.#waiting.get(key) ?? []) woken.abort();
  }

  wakeAll(): void {
    for (const key of this.#waiting.keys()) this.wake(key);
  }

  /** Settles at `wake(key)`, after `ms` or when the signal aborts, whichever comes first. */
  async next(key: string, ms: number, signal: AbortSignal): Promise<void> {
    const woken = new AbortController();
    const waits = this.#waiting.get(key) ?? new Set();
    this.#waiting.set(key, waits.add(woken));
    await pause(this.#clock, ms, AbortSignal.any([signal, woken.signal]));
    waits.delete(woken);
    if (waits.size === 0 && this.#waiting.get(key) === waits) this.#waiting.delete(key);
  }
}

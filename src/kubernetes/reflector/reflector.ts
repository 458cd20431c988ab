/**
 * Keeps a sink equal to a collection of the Kubernetes API: list, then watch, whatever the API or the
 * network does. It holds no objects, only the resourceVersion to resume from; while the API is
 * unreachable, the sink stays as it is.
 */
import type { KubernetesApi } from "../client/api.ts";
import { ApiFault, messageWithCause } from "../client/api_fault.ts";
import { Backoff } from "../../time/backoff.ts";
import { withDeadline } from "../../time/deadline.ts";
import { pause } from "../../time/pause.ts";
import { listPages } from "./list_pages.ts";
import type { Picked, Resource, Sink } from "../objects/resource.ts";
import type { Log } from "../../telemetry/log.ts";
import type { Clock } from "../../time/clock.ts";
import { type WatchEvent, watchEvents, WatchFault } from "./watch_events.ts";
import { ListWatchHealth, type ReflectorStatus } from "./list_watch_health.ts";

interface ReflectorOptions<T> {
  readonly api: Pick<KubernetesApi, "open">;
  readonly resource: Resource<T>;
  readonly sink: Sink<T>;
  readonly clock: Clock;
  /** From 0 up to 1. */
  random(): number;
  readonly log: Log;
  /** Objects per page of the list. */
  readonly limit?: number;
  /**
   * How long the API keeps one watch open. Its normal end shows that a watch without events is up to
   * date, so this bounds the watch's age. Bookmarks don't: kube-apiserver 1.33 sent one a second
   * before the end of a watch that had seen an event, but none in 10 s or 95 s of one that had not,
   * as there was no newer resourceVersion. The old one stays valid while that API server runs; a
   * restarted one answers it with 410.
   */
  readonly watchSeconds?: number;
}

export type { ReflectorStatus };

/** A fifth of client-go's: a page is held completely, several times over, and isn't slower. */
const pageObjects = 100;
/** A watch that hasn't ended this long after its timeout has lost its connection. */
const overdueMarginMs = 5_000;
/**
 * A watch counts as established once it has been open this long: a resourceVersion that is too old is
 * accepted first and refused by an ERROR event right after. A shorter watch counts as a failure.
 */
const shortWatchMs = 1_000;
/** After this many failed watches in a row, the resourceVersion is in doubt: list again. */
const failuresToRelist = 6;
const retryDelays = { minMs: 250, maxMs: 30_000 };
/** The longest Retry-After that is honoured; the API server's own are seconds. */
const maxRetryAfterMs = 120_000;

export class Reflector<T> {
  readonly #options: ReflectorOptions<T>;
  readonly #backoff: Backoff;
  readonly #watchSeconds: number;
  readonly #health: ListWatchHealth;
  #resourceVersion = "";

  constructor(options: ReflectorOptions<T>) {
    this.#options = options;
    this.#watchSeconds = options.watchSeconds ?? 5;
    this.#health = new ListWatchHealth(options.clock);
    this.#backoff = new Backoff({ ...retryDelays, random: options.random });
  }

  get synced(): boolean {
    return this.#health.status().synced;
  }

  /** Seconds since the last update by list or watch; Infinity before the first. */
  watchAgeSeconds(): number {
    return this.#health.ageSeconds();
  }

  status(): ReflectorStatus {
    return this.#health.status();
  }

  /** Runs until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const waitMs = await this.#round(signal);
      if (waitMs > 0) await pause(this.#options.clock, waitMs, signal);
    }
  }

  /** One watch, after a list if necessary. Returns the delay before the next round in ms. */
  async #round(signal: AbortSignal): Promise<number> {
    const startedAt = this.#options.clock.monotonic();
    try {
      if (this.#resourceVersion === "") await this.#list(signal);
      await this.#watch(signal);
    } catch (fault) {
      return signal.aborted ? 0 : this.#failed(fault);
    }
    const lived = this.#options.clock.monotonic() - startedAt >= shortWatchMs;
    return lived ? 0 : this.#backoff.next();
  }

  async #list(signal: AbortSignal): Promise<void> {
    const { api, resource, clock, sink, limit = pageObjects } = this.#options;
    const unreadable = (problem: string) => this.#skip(problem);
    const requestedAt = clock.monotonic();
    const listed = await listPages({ api, resource, clock, signal, limit, unreadable });
    sink.replace(listed.items);
    this.#resourceVersion = listed.resourceVersion;
    this.#health.listed(requestedAt);
  }

  /**
   * After the time at which the API ends it, a watch delivers nothing new: whatever is read later was
   * delayed somewhere, and shows the state of that time.
   */
  async #watch(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    const begunAt = clock.monotonic();
    const endsAt = begunAt + this.#watchSeconds * 1000;
    const ms = this.#watchSeconds * 1000 + overdueMarginMs;
    const fault = () => new WatchFault(`no end after ${ms / 1000} s`);
    await withDeadline({ clock, ms, signal, fault }, (signal) => this.#follow(signal, endsAt));
    // One that ends immediately may be an empty response of something else.
    if (clock.monotonic() - begunAt >= shortWatchMs) this.#health.progressed(endsAt);
  }

  async #follow(signal: AbortSignal, endsAt: number): Promise<void> {
    const { api, resource } = this.#options;
    const resourceVersion = this.#resourceVersion;
    const timeoutSeconds = this.#watchSeconds;
    const events = watchEvents({ api, resource, signal, resourceVersion, timeoutSeconds });
    let cancel = () => {};
    try {
      for await (const event of events) {
        if (event.kind !== "open") this.#advance(event, endsAt);
        else cancel = this.#opened(endsAt);
      }
    } finally {
      cancel();
    }
  }

  #opened(endsAt: number): () => void {
    this.#health.opened();
    return this.#options.clock.after(shortWatchMs, () => {
      this.#backoff.reset();
      this.#health.updated(endsAt);
    });
  }

  #advance(event: Exclude<WatchEvent, { kind: "open" }>, endsAt: number): void {
    if (event.kind !== "bookmark") this.#apply(event.kind, event.object);
    if (event.resourceVersion !== "") this.#resourceVersion = event.resourceVersion;
    this.#health.progressed(endsAt);
  }

  #apply(kind: "changed" | "deleted", object: unknown): void {
    try {
      this.#store(kind, this.#options.resource.pick(object));
    } catch (fault) {
      // One object that the sink can't take must not stop all the others.
      this.#skip(messageWithCause(fault));
    }
  }

  #store(kind: "changed" | "deleted", picked: Picked<T>): void {
    const { sink } = this.#options;
    if (kind === "changed" && "item" in picked) return sink.upsert(picked.item);
    // An object that has become unreadable must not keep its old facts.
    if (picked.key !== null) sink.remove(picked.key);
    if ("problem" in picked) this.#skip(picked.problem);
  }

  #skip(problem: string): void {
    this.#health.skipped();
    const { log, resource } = this.#options;
    log.warn({ resource: resource.plural, problem }, "object skipped");
  }

  /** Records a failure. Returns the delay before the next attempt in ms. */
  #failed(thrown: unknown): number {
    const { log, resource } = this.#options;
    const fault = thrown instanceof ApiFault ? thrown : null;
    const error = fault ? fault.message : `watch ${resource.plural}: ${messageWithCause(thrown)}`;
    const gone = fault?.code === "api_gone";
    const forbidden = fault?.code === "api_forbidden" ? this.#refusedVerb() : null;
    const { inARow, goneInARow } = this.#health.failed({ error, forbidden, gone });
    if (gone || doubtful(fault, inARow)) this.#resourceVersion = "";
    // An API that says "gone" is back: list now, not after the delay of the last outage.
    if (gone && goneInARow === 1) this.#backoff.reset();
    const waitMs = this.#backoff.next(Math.min(fault?.retryAfterMs ?? 0, maxRetryAfterMs));
    log.warn({ resource: resource.plural, error, waitMs: Math.round(waitMs) }, "watch interrupted");
    return waitMs;
  }

  #refusedVerb(): string {
    return `${this.#resourceVersion === "" ? "list" : "watch"} ${this.#options.resource.plural}`;
  }
}

/** Only a response can be about the resourceVersion; an unreachable API says nothing about it. */
function doubtful(fault: ApiFault | null, failuresInARow: number): boolean {
  if (fault === null || fault.status === null || fault.code === "api_throttled") return false;
  return failuresInARow >= failuresToRelist;
}

/**
 * Keeps a sink equal to a collection of the Kubernetes API: list, then watch, for as long as it
 * runs, whatever the API or the network does. It holds no objects, only the resourceVersion to go
 * on from; what it can't reach for a while stays in the sink as it was.
 */
import type { KubernetesApi } from "../client/api.ts";
import { ApiFault, messageOf } from "../client/api_fault.ts";
import { Backoff } from "../../time/backoff.ts";
import { withDeadline } from "../../time/deadline.ts";
import { pause } from "../../time/pause.ts";
import { listPages } from "./list_pages.ts";
import { PageGarbage } from "./page_garbage.ts";
import type { Clock, Log, Picked, Resource, Sink } from "../ports.ts";
import { type WatchEvent, watchEvents, WatchFault } from "./watch_events.ts";
import { ListWatchHealth, type ReflectorStatus } from "./list_watch_health.ts";

export interface ReflectorOptions<T> {
  readonly api: Pick<KubernetesApi, "open">;
  readonly resource: Resource<T>;
  readonly sink: Sink<T>;
  readonly clock: Clock;
  /** From 0 up to 1. */
  random(): number;
  readonly log: Log;
  /** Takes away at once what a list has left behind; without it V8 does, in its own time. */
  readonly collectGarbage?: () => void;
  /** Objects a page of the list. */
  readonly limit?: number;
  /**
   * How long the API keeps one watch open; its orderly end is the word that keeps a watch without
   * events from looking older than that. Bookmarks can't be counted on: kube-apiserver (1.33) sent
   * one a second before the end to a watch that had seen an event, and none, in 10 s or in 95 s, to
   * one that had not, having no newer resourceVersion to tell. The old one stays good for as long
   * as that API server runs; a restarted one answers it with 410.
   */
  readonly watchSeconds?: number;
}

export type { ReflectorStatus };

/** A fifth of client-go's: a page is held whole, several times over, and takes no less time. */
const PAGE_OBJECTS = 100;
/** A living watch ends at the latest after its time-out; five seconds more and it is dead. */
const OVERDUE_MARGIN_MS = 5_000;
/**
 * An open watch proves itself by living this long: a resourceVersion that is too old is accepted
 * first and refused by an ERROR event right after. A shorter one counts as a failure.
 */
const SHORT_WATCH_MS = 1_000;
/** So many failed watches in a row cast doubt on the resourceVersion: list anew. */
const FAILURES_TO_RELIST = 6;
const retryDelays = { minMs: 250, maxMs: 30_000 };
/** The longest Retry-After that is honoured: the API server's own are seconds. */
const MAX_RETRY_AFTER_MS = 120_000;

export class Reflector<T> {
  readonly #options: ReflectorOptions<T>;
  readonly #backoff: Backoff;
  readonly #watchSeconds: number;
  readonly #record: ListWatchHealth;
  #resourceVersion = "";

  constructor(options: ReflectorOptions<T>) {
    this.#options = options;
    this.#watchSeconds = options.watchSeconds ?? 5;
    this.#record = new ListWatchHealth(options.clock);
    this.#backoff = new Backoff({ ...retryDelays, random: options.random });
  }

  get synced(): boolean {
    return this.#record.status().synced;
  }

  /** Seconds since the last word of list or watch; Infinity before the first. */
  watchAgeSeconds(): number {
    return this.#record.ageSeconds();
  }

  status(): ReflectorStatus {
    return this.#record.status();
  }

  /** Settles once `signal` has aborted; nothing else ends it. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const waitMs = await this.#round(signal);
      if (waitMs > 0) await pause(this.#options.clock, waitMs, signal);
    }
  }

  /** One list where it is needed and one watch; how long to wait before the next round. */
  async #round(signal: AbortSignal): Promise<number> {
    const startedAt = this.#options.clock.monotonic();
    try {
      if (this.#resourceVersion === "") await this.#list(signal);
      await this.#watch(signal);
    } catch (thrown) {
      return signal.aborted ? 0 : this.#failed(thrown);
    }
    const lived = this.#options.clock.monotonic() - startedAt >= SHORT_WATCH_MS;
    return lived ? 0 : this.#backoff.next();
  }

  async #list(signal: AbortSignal): Promise<void> {
    const { api, resource, clock, sink, limit = PAGE_OBJECTS } = this.#options;
    const unreadable = (problem: string) => this.#skip(problem);
    const askedAt = clock.monotonic();
    const garbage = new PageGarbage(this.#options.collectGarbage ?? (() => {}));
    const listed = await listPages({ api, resource, clock, signal, limit, unreadable, garbage });
    sink.replace(listed.items);
    garbage.end();
    this.#resourceVersion = listed.resourceVersion;
    this.#record.listed(askedAt);
  }

  /**
   * By the time at which the API ends it a watch has said all that it will: what is read later has
   * waited somewhere, and tells of then.
   */
  async #watch(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    const begunAt = clock.monotonic();
    const endsAt = begunAt + this.#watchSeconds * 1000;
    const ms = this.#watchSeconds * 1000 + OVERDUE_MARGIN_MS;
    const fault = () => new WatchFault(`no end after ${ms / 1000} s`);
    await withDeadline({ clock, ms, signal, fault }, (signal) => this.#follow(signal, endsAt));
    // One that ends at once may be anybody's empty answer.
    if (clock.monotonic() - begunAt >= SHORT_WATCH_MS) this.#record.progressed(endsAt);
  }

  async #follow(signal: AbortSignal, endsAt: number): Promise<void> {
    const { api, resource } = this.#options;
    const resourceVersion = this.#resourceVersion;
    const timeoutSeconds = this.#watchSeconds;
    const events = watchEvents({ api, resource, signal, resourceVersion, timeoutSeconds });
    let unproven = () => {};
    try {
      for await (const event of events) {
        if (event.kind !== "open") this.#advance(event, endsAt);
        else unproven = this.#opened(endsAt);
      }
    } finally {
      unproven();
    }
  }

  #opened(endsAt: number): () => void {
    this.#record.opened();
    return this.#options.clock.after(SHORT_WATCH_MS, () => {
      this.#backoff.reset();
      this.#record.heard(endsAt);
    });
  }

  #advance(event: Exclude<WatchEvent, { kind: "open" }>, endsAt: number): void {
    if (event.kind !== "bookmark") this.#apply(event.kind, event.object);
    if (event.resourceVersion !== "") this.#resourceVersion = event.resourceVersion;
    this.#record.progressed(endsAt);
  }

  #apply(kind: "changed" | "deleted", object: unknown): void {
    try {
      this.#store(kind, this.#options.resource.pick(object));
    } catch (thrown) {
      // One object that the sink trips over must not keep all the others from it.
      this.#skip(messageOf(thrown));
    }
  }

  #store(kind: "changed" | "deleted", picked: Picked<T>): void {
    const { sink } = this.#options;
    if (kind === "changed" && "item" in picked) return sink.upsert(picked.item);
    // What can't be read any more must not go on under what it said before.
    if (picked.key !== null) sink.remove(picked.key);
    if ("problem" in picked) this.#skip(picked.problem);
  }

  #skip(problem: string): void {
    this.#record.skipped();
    const { log, resource } = this.#options;
    log.warn({ resource: resource.plural, problem }, "object skipped");
  }

  /** Takes note of a failure; how long to wait for the next attempt. */
  #failed(thrown: unknown): number {
    const { log, resource } = this.#options;
    const fault = thrown instanceof ApiFault ? thrown : null;
    const error = fault ? fault.message : `watch ${resource.plural}: ${messageOf(thrown)}`;
    const gone = fault?.code === "api_gone";
    const forbidden = fault?.code === "api_forbidden" ? this.#refusedVerb() : null;
    const { inARow, goneInARow } = this.#record.failed({ error, forbidden, gone });
    if (gone || doubtful(fault, inARow)) this.#resourceVersion = "";
    // An API that says "gone" is back: a list now, not when the last outage's wait is over.
    if (gone && goneInARow === 1) this.#backoff.reset();
    const waitMs = this.#backoff.next(Math.min(fault?.retryAfterMs ?? 0, MAX_RETRY_AFTER_MS));
    log.warn({ resource: resource.plural, error, waitMs: Math.round(waitMs) }, "watch interrupted");
    return waitMs;
  }

  #refusedVerb(): string {
    return `${this.#resourceVersion === "" ? "list" : "watch"} ${this.#options.resource.plural}`;
  }
}

/** Only an API that answers can mean the resourceVersion; one that is away says nothing of it. */
function doubtful(fault: ApiFault | null, failuresInARow: number): boolean {
  if (fault === null || fault.status === null || fault.code === "api_throttled") return false;
  return failuresInARow >= FAILURES_TO_RELIST;
}

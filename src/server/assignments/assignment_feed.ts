/**
 * One agent's stream: a `ping` that says how old the server's view is, all assignments of its node,
 * `synced`, then changes, and a `ping` every five seconds (every second while the watch is behind).
 * Only UIDs are queued; a frame is built when the agent's connection accepts it, so the latest state
 * is sent and a slow agent costs no memory.
 */
import { encodeFrame } from "../../protocol/frames.ts";
import type { NodeAssignments } from "./assigner.ts";
import type { Clock } from "../../time/clock.ts";

const pingEveryMs = 5_000;
/** Beyond this watch age, pings are sent more often, so that agents soon learn that it recovered. */
const lateWatchSeconds = 10;
const latePingEveryMs = 1_000;
const chunkChars = 32_768;
/** Sent for Infinity, which JSON can't represent: the watch has never been updated. */
const oldestWatchAgeSeconds = 86_400;

export type FeedEnd = "client" | "stuck" | "pod-gone" | "token-expired" | "replaced" | "shutdown";

interface FeedOptions {
  /** Follows the node, calling back with each UID that changes. */
  readonly attach: (changed: (uid: string) => void) => NodeAssignments;
  readonly clock: Clock;
  readonly watchAgeSeconds: () => number;
  /** A stream whose reader accepts nothing for this long is closed. */
  readonly stuckAfterMs: number;
  readonly ended: (why: FeedEnd) => void;
}

/** A queued item: a pod's UID, or a frame that isn't about a pod. */
type Item = { readonly uid: string } | "synced" | "ping";

export class AssignmentFeed {
  readonly body: ReadableStream<Uint8Array>;
  readonly #options: FeedOptions;
  readonly #node: NodeAssignments;
  /** In the order of the first change; a further change of a queued pod adds nothing. */
  readonly #queue = new Map<string, Item>();
  readonly #encoder = new TextEncoder();
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  #wake: (() => void) | undefined;
  readonly #startedAt: number;
  #readAt: number;
  #cancelPing: () => void;
  #ended = false;

  constructor(options: FeedOptions) {
    this.#options = options;
    this.#startedAt = this.#readAt = options.clock.monotonic();
    this.#node = options.attach((uid) => this.#add(`pod ${uid}`, { uid }));
    this.#queue.set("first ping", "ping");
    for (const uid of this.#node.uids()) this.#queue.set(`pod ${uid}`, { uid });
    this.#queue.set("synced", "synced").set("ping", "ping");
    this.#cancelPing = this.#pingLater();
    this.body = new ReadableStream<Uint8Array>({
      start: (controller) => void (this.#controller = controller),
      pull: () => this.#pull(),
      cancel: () => this.close("client"),
    }, { highWaterMark: 0 });
  }

  /** Ends the stream; the agent then opens another. */
  close(why: FeedEnd): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#cancelPing();
    this.#node.detach();
    this.#queue.clear();
    // A regular end would wait for the agent to read the rest; an error closes its connection.
    if (why === "stuck") this.#controller?.error(new Error("the agent reads nothing"));
    else if (why !== "client") this.#controller?.close();
    this.#wake?.();
    this.#options.ended(why);
  }

  #add(key: string, item: Item): void {
    if (!this.#queue.has(key)) this.#queue.set(key, item);
    this.#wake?.();
  }

  #tick(): void {
    // A live reader accepts every ping, so only one that doesn't read can be this late.
    if (this.#options.clock.monotonic() - this.#readAt >= this.#options.stuckAfterMs) {
      return this.close("stuck");
    }
    this.#cancelPing = this.#pingLater();
    this.#add("ping", "ping");
  }

  #pingLater(): () => void {
    const late = this.#options.watchAgeSeconds() > lateWatchSeconds;
    return this.#options.clock.after(late ? latePingEveryMs : pingEveryMs, () => this.#tick());
  }

  async #pull(): Promise<void> {
    this.#readAt = this.#options.clock.monotonic();
    if (this.#queue.size === 0) await new Promise<void>((wake) => this.#wake = wake);
    this.#wake = undefined;
    if (this.#ended) return;
    this.#readAt = this.#options.clock.monotonic();
    this.#controller?.enqueue(this.#encoder.encode(this.#drain()));
  }

  #drain(): string {
    let text = "";
    for (const [key, item] of this.#queue) {
      this.#queue.delete(key);
      text += this.#encode(item);
      if (text.length >= chunkChars) break;
    }
    return text;
  }

  #encode(item: Item): string {
    if (item === "synced") return encodeFrame({ type: "synced" });
    if (item === "ping") {
      const age = Math.min(this.#options.watchAgeSeconds(), oldestWatchAgeSeconds);
      const passedMs = this.#options.clock.monotonic() - this.#startedAt;
      return encodeFrame({
        type: "ping",
        watchAgeSeconds: Math.round(age * 10) / 10,
        sentAfterSeconds: Math.floor(passedMs / 100) / 10,
      });
    }
    return encodeFrame(this.#node.frame(item.uid) ?? { type: "revoke", uid: item.uid });
  }
}

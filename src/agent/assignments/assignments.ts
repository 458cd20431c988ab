/**
 * The pods of this node as the server's frames tell them, found by address or UID. Which
 * stream is followed, and when the next one takes over, is decided here; opening streams is
 * `server_link.ts`'s, what a frame makes of a pod `held_pod.ts`'s.
 */
import type { AssignFrame, Frame } from "../../protocol/frames.ts";
import { type AddressOwners, heardWithinMs, type Owner } from "./address_owners.ts";
import { AddressWaits } from "./address_waits.ts";
import { DirectReads, type ReadPod } from "./direct_reads.ts";
import { claimant } from "../../net/address_claim.ts";
import { type HeldPod, holdPod, podAt } from "./held_pod.ts";
import { PodTable } from "./pod_table.ts";
import type { AddressLookup, Clock, PodLookup, PodsByAddress, PodsByUid } from "../ports.ts";
import { Revocations } from "./revocations.ts";

/** A server whose watch is older than this is left for one whose watch is fresh. */
export const freshWatchSeconds = 15;

/**
 * The grace is counted from a frame, yet what the watch hasn't seen for longer than this counts too:
 * so nobody is answered by what was true longer ago than grace and this, 30 s by default, for which
 * amazon-vpc-cni keeps an address back.
 */
const overlookedMs = 5000;

export interface AssignmentsOptions {
  readonly clock: Clock;
  /** `--disconnected-grace`, in milliseconds. */
  readonly graceMs: number;
  readonly readPod: ReadPod;
  /** The node's own addresses: no pod is found by them, whatever its status says. */
  readonly ownAddresses?: ReadonlySet<string>;
  /** With it, the container runtime alone says whose an address is, whatever the API's age. */
  readonly owners?: Pick<AddressOwners, "owner" | "lastKnown" | "addressesOf" | "runs" | "ask">;
  /** Called when a request begins to wait. */
  readonly wanted?: () => void;
}

/** One connection's frames. */
export interface AssignmentStream {
  apply(frame: Frame): void;
  /** Its snapshot is whole and in use, so an older stream isn't needed any more. */
  readonly leads: boolean;
  /** Takes nothing away of what it told. */
  close(): void;
}

/** What a request waits for: an address or a UID. */
interface Sought<F extends AddressLookup> {
  readonly key: string;
  readonly find: () => F;
  /** Asks whoever may know more than what was found. */
  readonly ask?: (found: F) => void;
}

type PodFrames = Exclude<Frame, { type: "ping" }>;

interface Stream {
  /** Frames kept back while an older stream is still in charge; null once this one is. */
  staged: PodFrames[] | null;
  /** The pods named so far by a snapshot under way; null once it is whole. */
  snapshot: Set<string> | null;
  /** From when on the grace counts by its pings; undefined before the first. */
  freshAt: number | undefined;
  /** A ping of it has shown a fresh watch. */
  shownFresh: boolean;
}

export class Assignments implements PodsByAddress, PodsByUid {
  readonly #options: AssignmentsOptions;
  readonly #waits: AddressWaits;
  readonly #pods: PodTable;
  readonly #reads: DirectReads;
  readonly #revocations: Revocations;
  /** Oldest first; the first is in charge. */
  #streams: Stream[] = [];
  #freshAt = -Infinity;
  #everSynced = false;

  constructor(options: AssignmentsOptions) {
    const { clock, readPod } = options;
    this.#options = options;
    this.#waits = new AddressWaits(clock);
    this.#pods = new PodTable((key) => this.#wake(key));
    this.#reads = new DirectReads(clock, readPod, (ip, frame) => this.#adopt(ip, frame));
    this.#revocations = new Revocations(clock, options.graceMs + overlookedMs);
  }

  /** Pods known, those without a role included. */
  get size(): number {
    return this.#pods.size;
  }

  /** Requests waiting for word of an address. */
  get waiting(): number {
    return this.#waits.size;
  }

  /** A whole snapshot has been received since the start. */
  get everSynced(): boolean {
    return this.#everSynced;
  }

  /** The server's word is recent enough to answer by. */
  get confirmed(): boolean {
    return this.#options.clock.monotonic() - this.#freshAt <= this.#options.graceMs;
  }

  find(ip: string): AddressLookup {
    return this.#at(ip, this.#since());
  }

  lastKnown(ip: string): string | undefined {
    const { owners } = this.#options;
    if (owners) return owners.lastKnown(ip);
    const found = this.find(ip);
    return found.kind === "pod" ? found.pod.uid : undefined;
  }

  /** Something new is known of whose the addresses are. */
  wakeAll(): void {
    this.#waits.wakeAll();
  }

  #wake(key: string): void {
    this.#waits.wake(key);
    for (const ip of this.#options.owners?.addressesOf(key) ?? []) this.#waits.wake(ip);
  }

  /** How old the runtime's word may be for a request that comes now. */
  #since(): number {
    return this.#options.clock.monotonic() - heardWithinMs;
  }

  #at(ip: string, since: number): AddressLookup {
    const { owners } = this.#options;
    return owners ? this.#owned(ip, owners.owner(ip, since)) : this.#claimed(ip);
  }

  /** The runtime's word, where the server's agrees. */
  #owned(ip: string, owner: Owner): AddressLookup {
    if (owner.kind === "unavailable") return { kind: "unavailable" };
    if (owner.kind === "several") return { kind: "conflict" };
    const own = this.#options.ownAddresses?.has(ip) ?? false;
    const held = owner.kind === "pod" && !own ? this.#pods.get(owner.uid) : undefined;
    if (!held) return { kind: "unknown" };
    if (held.addressed && !held.ips.includes(ip)) return { kind: "mismatch" };
    return { kind: "pod", pod: podAt(held, this.#options.clock.now()) };
  }

  #claimed(ip: string): PodLookup {
    const claims = this.#pods.claims(ip);
    if (claims.length === 0) return { kind: "unknown" };
    const held = claimant(claims);
    return held ? this.#known(held) : { kind: "conflict" };
  }

  findUid(uid: string): PodLookup {
    return this.#withUid(uid, this.#since());
  }

  /** The runtime's word that the pod runs here is as good as the server's, and needs none. */
  #withUid(uid: string, since: number): PodLookup {
    const held = this.#pods.get(uid);
    if (!held) return { kind: "unknown" };
    const runs = this.#options.owners?.runs(uid, since) ?? false;
    return runs ? { kind: "pod", pod: podAt(held, this.#options.clock.now()) } : this.#known(held);
  }

  waitFor(ip: string, ms: number, signal: AbortSignal): Promise<AddressLookup> {
    const since = this.#since();
    const ask = (found: AddressLookup) => {
      if (found.kind !== "pod") this.#options.owners?.ask();
      if (found.kind === "unknown") this.#reads.ask(ip);
    };
    return this.#waitFor({ key: ip, find: () => this.#at(ip, since), ask }, ms, signal);
  }

  waitForUid(uid: string, ms: number, signal: AbortSignal): Promise<PodLookup> {
    const since = this.#since();
    const ask = (found: PodLookup) => {
      if (found.kind === "stale") this.#options.owners?.ask();
    };
    return this.#waitFor({ key: uid, find: () => this.#withUid(uid, since), ask }, ms, signal);
  }

  async #waitFor<F extends AddressLookup>(
    { key, find, ask }: Sought<F>,
    ms: number,
    signal: AbortSignal,
  ): Promise<F> {
    const deadline = this.#options.clock.monotonic() + ms;
    for (;;) {
      const found = find();
      const left = deadline - this.#options.clock.monotonic();
      if (isSettled(found) || left <= 0 || signal.aborted) return found;
      this.#options.wanted?.();
      ask?.(found);
      await this.#waits.next(key, left, signal);
    }
  }

  #known(held: HeldPod): PodLookup {
    if (!this.confirmed) return { kind: "stale" };
    return { kind: "pod", pod: podAt(held, this.#options.clock.now()) };
  }

  /**
   * Takes in a new connection, which begins with a snapshot. What is held stays until the snapshot
   * is whole; pods it didn't name are dropped then. While an older stream goes on, that one counts
   * until the new one's snapshot is whole and its watch has shown itself fresh.
   */
  openStream(): AssignmentStream {
    const staged = this.#streams.length > 0 ? [] : null;
    const stream: Stream = { staged, snapshot: new Set(), freshAt: undefined, shownFresh: false };
    this.#streams.push(stream);
    return {
      apply: (frame) => this.#receive(stream, frame),
      get leads() {
        return stream.staged === null && stream.snapshot === null;
      },
      close: () => this.#close(stream),
    };
  }

  #receive(stream: Stream, frame: Frame): void {
    if (!this.#streams.includes(stream)) return;
    if (frame.type === "ping") this.#ping(stream, frame.watchAgeSeconds);
    else if (stream.staged) stream.staged.push(frame);
    else this.#apply(stream, frame);
    if (mayLead(stream)) this.#lead(stream);
  }

  #ping(stream: Stream, watchAgeSeconds: number): void {
    const fresh = watchAgeSeconds < freshWatchSeconds;
    const unseenMs = Math.max(0, watchAgeSeconds * 1000 - overlookedMs);
    const asOf = this.#options.clock.monotonic() - unseenMs;
    // A watch that isn't fresh confirms nothing; it ends no grace before its own last word does.
    stream.freshAt = fresh ? asOf : Math.min(asOf, stream.freshAt ?? this.#freshAt);
    stream.shownFresh ||= fresh;
    this.#confirm(stream);
  }

  /** What is held is as fresh as the stream it came from, and only a whole snapshot replaces it. */
  #confirm(stream: Stream): void {
    if (stream.staged || stream.snapshot || stream.freshAt === undefined) return;
    const was = this.confirmed;
    this.#freshAt = stream.freshAt;
    if (!was && this.confirmed) this.#waits.wakeAll();
  }

  #apply(stream: Stream, frame: PodFrames): void {
    if (frame.type === "assign") return this.#assign(stream, frame);
    if (frame.type === "synced") return this.#synced(stream);
    this.#revocations.add(frame.uid, stream);
    this.#pods.remove(frame.uid);
  }

  /** From here on this stream counts, beginning with what was kept back; older ones are done. */
  #lead(stream: Stream): void {
    this.#streams = this.#streams.slice(this.#streams.indexOf(stream));
    const staged = stream.staged ?? [];
    stream.staged = null;
    for (const frame of staged) this.#apply(stream, frame);
  }

  #close(stream: Stream): void {
    this.#streams = this.#streams.filter((other) => other !== stream);
    const next = this.#streams[0];
    if (next?.staged) this.#lead(next);
  }

  #assign(stream: Stream, frame: AssignFrame): void {
    const { uid } = frame.pod;
    if (this.#revocations.bars(uid, stream)) return;
    stream.snapshot?.add(uid);
    this.#pods.put(this.#held(frame));
  }

  #synced(stream: Stream): void {
    if (!stream.snapshot) return;
    this.#pods.retain(stream.snapshot);
    stream.snapshot = null;
    this.#everSynced = true;
    this.#confirm(stream);
    this.#waits.wakeAll();
  }

  /** A direct read may be older than the frames since: of a pod known by now it adds the address. */
  #adopt(ip: string, frame: AssignFrame): void {
    const { uid } = frame.pod;
    const read = this.#held(frame);
    if (!read.ips.includes(ip) || this.#revocations.bars(uid, null)) return;
    const known = this.#pods.get(uid);
    if (!known) return this.#pods.put(read);
    if (!known.ips.includes(ip)) this.#pods.put({ ...known, ips: [...known.ips, ip] });
  }

  #held(frame: AssignFrame): HeldPod {
    const held = holdPod(this.#pods.get(frame.pod.uid), frame);
    const own = this.#options.ownAddresses;
    return own ? { ...held, ips: held.ips.filter((ip) => !own.has(ip)) } : held;
  }
}

function mayLead(stream: Stream): boolean {
  const whole = stream.staged?.some((frame) => frame.type === "synced") ?? false;
  return whole && stream.shownFresh;
}

function isSettled(found: AddressLookup): boolean {
  return found.kind === "pod" && found.pod.outcome.kind !== "pending";
}

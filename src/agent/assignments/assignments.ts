/**
 * The pods of this node, as the server's frames assign them. Decides which stream is followed and
 * when the next one takes over; `server_client.ts` opens the streams, `held_pod.ts` applies one
 * frame to a pod, and `identity/` decides which pod is calling.
 */
import type { AssignFrame, Frame } from "../../protocol/frames.ts";
import { claimant } from "../../net/address_claim.ts";
import type { AssignedPod, Clock, PodLookup } from "../ports.ts";
import { type HeldPod, holdPod, podAt } from "./held_pod.ts";
import { PodTable } from "./pod_table.ts";

/** A server whose watch is older than this is left for one whose watch is fresh. */
export const freshWatchSeconds = 15;

/**
 * Watch lag beyond this counts against the grace, so no answer rests on state older than 30 s (by
 * default), for which amazon-vpc-cni holds an address back.
 */
const toleratedLagMs = 5000;

/** A stream whose view is older than the agent's by more than this doesn't lead. */
const maxBehindMs = freshWatchSeconds * 1000;

interface AssignmentsOptions {
  readonly clock: Clock;
  /** `--disconnected-grace`, in milliseconds. */
  readonly graceMs: number;
  /** The node's own addresses: no pod is found at them, whatever its status says. */
  readonly ownAddresses?: ReadonlySet<string>;
}

/** One connection's frames. */
export interface AssignmentStream {
  apply(frame: Frame): void;
  /** Its snapshot is complete and in use, so an older stream isn't needed any more. */
  readonly leads: boolean;
  /** What it assigned stays. */
  close(): void;
}

type PodFrames = Exclude<Frame, { type: "ping" }>;

interface Stream {
  /** Frames queued until this stream leads; null once it does. */
  staged: PodFrames[] | null;
  /** The pods named so far by an incomplete snapshot; null once it is complete. */
  snapshot: Set<string> | null;
  /** The time from which its pings let the grace count; undefined before the first. */
  freshAt: number | undefined;
  /** One of its pings has shown a fresh watch. */
  shownFresh: boolean;
}

export class Assignments {
  readonly #options: AssignmentsOptions;
  readonly #pods = new PodTable((key) => this.#notify(key));
  readonly #revocations: Revocations;
  readonly #listeners: ((key: string | null) => void)[] = [];
  /** Oldest first; the first one leads. */
  #streams: Stream[] = [];
  #freshAt = -Infinity;
  #everSynced = false;

  constructor(options: AssignmentsOptions) {
    this.#options = options;
    this.#revocations = new Revocations(options.clock, options.graceMs + toleratedLagMs);
  }

  /** The number of pods, those without a role included. */
  get size(): number {
    return this.#pods.size;
  }

  /** A complete snapshot has been received since the start. */
  get everSynced(): boolean {
    return this.#everSynced;
  }

  /** The last fresh frame is recent enough to answer without an identity proof. */
  get confirmed(): boolean {
    return this.#options.clock.monotonic() - this.#freshAt <= this.#options.graceMs;
  }

  /** `listener` gets the UID or address that changed; null if everything may have. */
  onChange(listener: (key: string | null) => void): void {
    this.#listeners.push(listener);
  }

  /**
   * The pod as it is now, however old the server's last frame is; undefined if not assigned. `id` is
   * its UID, or a static pod's config hash.
   */
  pod(id: string): AssignedPod | undefined {
    const held = this.#pods.get(this.uidOf(id) ?? "");
    return held && podAt(held, this.#options.clock);
  }

  /** The UID for a UID or config hash; undefined for the hash of a pod that isn't assigned. */
  uidOf(id: string): string | undefined {
    return isConfigHash(id) ? this.#pods.withConfigHash(id)?.pod.uid : id;
  }

  isHostNetwork(id: string): boolean {
    return this.#pods.get(this.uidOf(id) ?? "")?.hostNetwork ?? false;
  }

  /** The UID or config hash of the pod that the API shows there, however old the last frame is. */
  expectedAt(ip: string): string | undefined {
    const held = claimant(this.#pods.claims(ip));
    return held?.configHash ?? held?.pod.uid;
  }

  /** Whether the API, as far as it shows addresses for the pod, agrees that it has this one. */
  mayHave(uid: string, ip: string): boolean {
    const held = this.#pods.get(uid);
    return held !== undefined && (!held.addressed || held.ips.includes(ip));
  }

  /** The pod, if the server's last frame is recent enough. */
  lookUp(uid: string): PodLookup {
    const pod = this.pod(uid);
    if (!pod) return { kind: "unknown" };
    return this.confirmed ? { kind: "pod", pod } : { kind: "stale" };
  }

  /** The pod that has the address according to the API, if the server's last frame is recent. */
  lookUpAddress(ip: string): PodLookup {
    const claims = this.#pods.claims(ip);
    if (claims.length === 0) return { kind: "unknown" };
    const held = claimant(claims);
    return held ? this.lookUp(held.pod.uid) : { kind: "conflict" };
  }

  /**
   * Opens a new connection's stream, which begins with a snapshot. Once the snapshot is complete,
   * pods that it doesn't name are dropped. While an older stream is open, that one leads until the
   * new snapshot is complete and its watch has been shown to be fresh. Otherwise the new stream leads
   * at once, unless its first ping shows that its server's view is older than the agent's: a server
   * that was stopped or cut off from the API must neither bring back what was withdrawn meanwhile nor
   * drop pods that it hasn't seen. Until it catches up, its frames only renew credentials.
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

  /** Takes a direct read, which may be older than the frames: a known pod only gains the address. */
  adopt(ip: string, frame: AssignFrame): void {
    const { uid } = frame.pod;
    const read = this.#held(frame);
    if (!read.ips.includes(ip) || this.#revocations.bars(uid, null)) return;
    const known = this.#pods.get(uid);
    if (!known) return this.#pods.put(read);
    if (!known.ips.includes(ip)) this.#pods.put({ ...known, ips: [...known.ips, ip] });
  }

  #receive(stream: Stream, frame: Frame): void {
    if (!this.#streams.includes(stream)) return;
    if (frame.type === "ping") this.#ping(stream, frame.watchAgeSeconds);
    else if (stream.staged) this.#stage(stream, stream.staged, frame);
    else this.#apply(stream, frame);
    if (this.#mayLead(stream)) this.#lead(stream);
  }

  /** Queues each pod's latest frame, in the place of its first one. */
  #stage(stream: Stream, staged: PodFrames[], frame: PodFrames): void {
    const before = staged.findIndex((other) => uidIn(other) === uidIn(frame));
    if (before < 0) staged.push(frame);
    else staged[before] = frame;
    if (this.#streams[0] === stream) this.#renew(frame);
  }

  /** Takes only newer credentials from the frame, for the identity that the pod has already. */
  #renew(frame: PodFrames): void {
    if (frame.type !== "assign" || !frame.role?.credentials) return;
    const held = this.#pods.get(frame.pod.uid);
    if (held?.identity !== frame.role.identity) return;
    const { pod: { outcome }, endsAt } = holdPod(held, frame, this.#options.clock);
    if (endsAt > held.endsAt || held.pod.outcome.kind === "pending") {
      this.#pods.put({ ...held, pod: { ...held.pod, outcome }, endsAt });
    }
  }

  #mayLead(stream: Stream): boolean {
    const { staged, shownFresh } = stream;
    if (!staged?.some((frame) => frame.type === "synced")) return false;
    return shownFresh || (this.#streams[0] === stream && !this.#isOlder(stream));
  }

  /** Its server's view is older than what is held. */
  #isOlder({ freshAt = Infinity }: Stream): boolean {
    return freshAt < this.#freshAt - maxBehindMs;
  }

  #ping(stream: Stream, watchAgeSeconds: number): void {
    const fresh = watchAgeSeconds < freshWatchSeconds;
    const lagMs = Math.max(0, watchAgeSeconds * 1000 - toleratedLagMs);
    const asOf = this.#options.clock.monotonic() - lagMs;
    // A watch that isn't fresh never extends the grace, which then counts from its last update.
    stream.freshAt = fresh ? asOf : Math.min(asOf, stream.freshAt ?? this.#freshAt);
    stream.shownFresh ||= fresh;
    if (stream.snapshot?.size === 0 && this.#isOlder(stream)) stream.staged ??= [];
    this.#confirm(stream);
  }

  /** What is held is as fresh as the stream it came from, and only a full snapshot replaces it. */
  #confirm(stream: Stream): void {
    if (stream.staged || stream.snapshot || stream.freshAt === undefined) return;
    const was = this.confirmed;
    this.#freshAt = stream.freshAt;
    if (!was && this.confirmed) this.#notify(null);
  }

  #apply(stream: Stream, frame: PodFrames): void {
    if (frame.type === "assign") return this.#assign(stream, frame);
    if (frame.type === "synced") return this.#synced(stream);
    this.#revocations.add(frame.uid, stream);
    this.#pods.remove(frame.uid);
  }

  /**
   * Makes this stream lead, and applies its queued frames: the end of the snapshot last, because a pod
   * that the server assigned since then isn't to be dropped either.
   */
  #lead(stream: Stream): void {
    this.#streams = this.#streams.slice(this.#streams.indexOf(stream));
    const staged = stream.staged ?? [];
    stream.staged = null;
    const isEnd = (frame: PodFrames) => frame.type === "synced";
    for (const frame of staged.filter((frame) => !isEnd(frame))) this.#apply(stream, frame);
    if (staged.some(isEnd)) this.#synced(stream);
  }

  #close(stream: Stream): void {
    this.#streams = this.#streams.filter((other) => other !== stream);
    const next = this.#streams[0];
    if (!next?.staged) return;
    if (!this.#isOlder(next)) this.#lead(next);
    else next.staged.forEach((frame) => this.#renew(frame));
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
    this.#notify(null);
  }

  #held(frame: AssignFrame): HeldPod {
    const { clock, ownAddresses: own } = this.#options;
    const held = holdPod(this.#pods.get(frame.pod.uid), frame, clock);
    return own ? { ...held, ips: held.ips.filter((ip) => !own.has(ip)) } : held;
  }

  #notify(key: string | null): void {
    for (const listener of this.#listeners) listener(key);
  }
}

function uidIn(frame: PodFrames): string | undefined {
  return frame.type === "assign" ? frame.pod.uid : frame.type === "revoke" ? frame.uid : undefined;
}

/** UIDs have dashes. */
function isConfigHash(id: string): boolean {
  return /^[0-9a-f]{32}$/.test(id);
}

/**
 * Recently revoked UIDs. A UID never comes back, so another replica that still assigns one merely
 * lags; it must not bring back a pod whose address may belong to another by now.
 */
class Revocations {
  readonly #clock: Clock;
  readonly #keptMs: number;
  readonly #revoked = new Map<string, { readonly until: number; readonly by: object }>();

  constructor(clock: Clock, keptMs: number) {
    this.#clock = clock;
    this.#keptMs = keptMs;
  }

  add(uid: string, by: object): void {
    const now = this.#clock.monotonic();
    for (const [other, { until }] of this.#revoked) {
      if (until > now) break;
      this.#revoked.delete(other);
    }
    this.#revoked.delete(uid);
    this.#revoked.set(uid, { until: now + this.#keptMs, by });
  }

  /** Whether `source` must not assign the pod: only the stream that revoked it knows the order. */
  bars(uid: string, source: object | null): boolean {
    const revoked = this.#revoked.get(uid);
    if (!revoked || revoked.by === source) return false;
    return revoked.until > this.#clock.monotonic();
  }
}

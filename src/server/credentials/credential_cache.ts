/**
 * Caches the credentials of every role identity that a pod holds and renews them early. At most one
 * STS call per identity is in flight, and it belongs to no pod, so that a pod that goes away can't
 * make another pod's call fail. `sts_queue.ts` decides when calls start, `credential_entry.ts` keeps
 * the state of one identity.
 */
import type { RoleIdentity } from "../../policy/facts.ts";
import { TimerQueue } from "./timer_queue.ts";
import { CredentialEntry, sameState } from "./credential_entry.ts";
import { endedOnArrival, faultFrom, trustRoleExpired } from "./credential_fault.ts";
import {
  type CredentialHooks,
  type CredentialInspection,
  type CredentialStats,
  statsOf,
} from "./credential_reports.ts";
import type { AssumeRoleFault, Credentials, CredentialState } from "../ports.ts";
import type { Clock } from "../../time/clock.ts";
import { sessionOf } from "./session_life.ts";
import { steadyClock } from "../../time/steady_clock.ts";
import { StsQueue } from "./sts_queue.ts";

/** One call for an identity; `holders` are the UIDs of pods that need it. */
type CallSts = (
  identity: RoleIdentity,
  signal: AbortSignal,
  by: { readonly assumedBy?: Credentials; readonly holders: readonly string[] },
) => Promise<Credentials>;

interface CredentialCacheOptions {
  readonly assumeRole: CallSts;
  readonly clock: Clock;
  /** From 0 up to 1, as `Math.random`. */
  readonly random: () => number;
  /** `--sts-rate`: calls per second. */
  readonly rate: number;
  /** `--sts-burst`: calls that may start at once after a quiet time. */
  readonly burst: number;
  /** `--sts-concurrency`: calls at once; an aborted call counts until it has ended. */
  readonly concurrency: number;
  readonly hooks: CredentialHooks;
}

export class CredentialCache {
  readonly #options: CredentialCacheOptions;
  readonly #entries = new Map<string, CredentialEntry>();
  /** For planning; STS's expiry is compared with the machine's clock. */
  readonly #clock: Clock;
  readonly #queue: StsQueue;
  readonly #timers: TimerQueue;
  readonly #listeners: ((key: string) => void)[] = [];

  /** @throws {RangeError} a rate, burst or concurrency that allows no call */
  constructor(options: CredentialCacheOptions) {
    this.#options = options;
    this.#clock = steadyClock(options.clock);
    this.#queue = new StsQueue({ ...options, clock: this.#clock });
    this.#timers = new TimerQueue(this.#clock, (key) => this.#due(key));
  }

  /** `holder` (a pod's UID) needs this identity; the key is `identityKey(identity)`. */
  hold(key: string, identity: RoleIdentity, holder: string, namespace: string): void {
    const known = this.#entries.get(key);
    const entry = known ?? new CredentialEntry(key, identity, this.#options.random);
    entry.holders.set(holder, namespace);
    if (known !== undefined) return;
    this.#entries.set(key, entry);
    const { trustRoleKey } = entry;
    if (trustRoleKey !== null) this.hold(trustRoleKey, identity.assumedBy!, key, namespace);
    this.#request(entry);
  }

  /** `holder` no longer needs it; an identity without holders is dropped. */
  release(key: string, holder: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined || !entry.holders.delete(holder)) return;
    if (entry.holders.size === 0) this.#drop(entry);
  }

  /** An identity without holders is pending. */
  state(key: string): CredentialState {
    return this.#entries.get(key)?.state(this.#now()) ?? { kind: "pending" };
  }

  /** Forgets the backoff of an identity after its pod or namespace has changed. */
  retry(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    entry.retry(this.#now());
    this.#plan(entry);
    if (entry.trustRoleKey !== null) this.retry(entry.trustRoleKey);
  }

  /**
   * Assumes the role again if its session is from before that (milliseconds since the epoch, by the
   * machine's clock). The old credentials are served until the new ones are there.
   */
  renew(key: string, issuedBefore: number): boolean {
    const entry = this.#entries.get(key);
    const age = Math.max(0, this.#options.clock.now() - issuedBefore);
    if (entry === undefined || !entry.renew(this.#now(), this.#now() - age)) return false;
    this.#plan(entry);
    return true;
  }

  /** Calls back when `state(key)` has changed; never from within these methods. */
  subscribe(changed: (key: string) => void): void {
    this.#listeners.push(changed);
  }

  inspect(key: string): CredentialInspection | undefined {
    const entry = this.#entries.get(key);
    return entry === undefined ? undefined : this.#inspect(entry);
  }

  entries(): CredentialInspection[] {
    return [...this.#entries.values()].map((entry) => this.#inspect(entry));
  }

  stats(): CredentialStats {
    return statsOf(this.entries(), this.#queue.stats(), this.#now());
  }

  /** Drops everything and aborts calls in flight. */
  close(): void {
    for (const entry of [...this.#entries.values()]) this.#drop(entry);
  }

  #drop(entry: CredentialEntry): void {
    this.#entries.delete(entry.key);
    this.#timers.clear(entry.key);
    this.#queue.cancel(entry.key);
    entry.abort.abort();
    if (entry.trustRoleKey !== null) this.release(entry.trustRoleKey, entry.key);
  }

  /** Queues a call; one that needs a trust role's credentials waits until they are there. */
  #request(entry: CredentialEntry): void {
    const trustRole = this.#trustRoleOf(entry);
    if (trustRole !== undefined && trustRole.kind !== "ready") {
      return entry.waitFor(trustRole, this.#now());
    }
    entry.phase = "queued";
    this.#queue.submit({
      key: entry.key,
      namespace: entry.namespace,
      ...entry.urgency(this.#now()),
      start: (waitedMs) => this.#call(entry, waitedMs),
    });
  }

  async #call(entry: CredentialEntry, waitedMs: number): Promise<void> {
    const startedAt = this.#now();
    entry.calling(startedAt);
    const answer = await this.#assumeRole(entry);
    if (answer instanceof Error && answer.code === "throttled") this.#queue.throttled(startedAt);
    if (this.#entries.get(entry.key) !== entry) return;
    const outcome = this.#record(entry, answer);
    this.#options.hooks.onCall?.({ outcome, waitedMs, durationMs: this.#now() - startedAt });
    this.#plan(entry);
    this.#announce(entry);
  }

  async #assumeRole(entry: CredentialEntry): Promise<Credentials | AssumeRoleFault> {
    const { identity, abort: { signal } } = entry;
    const trustRole = this.#trustRoleOf(entry);
    try {
      const holders = [...entry.holders.keys()];
      if (trustRole === undefined) {
        return await this.#options.assumeRole(identity, signal, { holders });
      }
      if (trustRole.kind !== "ready") return trustRoleExpired();
      const by = { holders, assumedBy: trustRole.credentials };
      return await this.#options.assumeRole(identity, signal, by);
    } catch (fault) {
      return faultFrom(fault);
    }
  }

  #record(
    entry: CredentialEntry,
    answer: Credentials | AssumeRoleFault,
  ): "ok" | AssumeRoleFault["code"] {
    const now = this.#now();
    if (answer instanceof Error) return this.#failed(entry, answer);
    const { durationSeconds } = entry.identity;
    const wall = this.#options.clock.now();
    const session = sessionOf(answer, durationSeconds, { wall, now, random: this.#options.random });
    if (session === undefined) return this.#failed(entry, endedOnArrival(answer.expiresAt, wall));
    const renewal = entry.everIssued;
    entry.issued(session);
    const { accessKeyId, expiresAt } = answer;
    this.#options.hooks.onIssued?.({ ...this.#about(entry), accessKeyId, expiresAt, renewal });
    return "ok";
  }

  #failed(entry: CredentialEntry, fault: AssumeRoleFault): AssumeRoleFault["code"] {
    entry.failed(fault, this.#now());
    const { attempts, nextAttemptAt } = entry;
    this.#options.hooks.onFault?.({ ...this.#about(entry), fault, attempts, nextAttemptAt });
    return fault.code;
  }

  /** A renewal or retry is due, or credentials have expired. */
  #due(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    if (entry.nextAttemptAt <= this.#now()) this.#request(entry);
    this.#plan(entry);
    this.#announce(entry);
  }

  #plan(entry: CredentialEntry): void {
    const at = entry.dueAt(this.#now());
    if (at === Infinity) this.#timers.clear(entry.key);
    else this.#timers.set(entry.key, at);
  }

  #announce(entry: CredentialEntry): void {
    const state = entry.state(this.#now());
    if (sameState(entry.announced, state)) return;
    entry.announced = state;
    for (const changed of this.#listeners) changed(entry.key);
    for (const dependent of this.#dependentsOf(entry)) {
      if (!dependent.waitsForTrustRole) continue;
      this.#request(dependent);
      this.#announce(dependent);
    }
  }

  #trustRoleOf({ trustRoleKey }: CredentialEntry): CredentialState | undefined {
    return trustRoleKey === null ? undefined : this.state(trustRoleKey);
  }

  /** The identities that are assumed with this one, which then is a trust role's. */
  #dependentsOf(entry: CredentialEntry): CredentialEntry[] {
    return [...entry.holders.keys()].map((holder) => this.#entries.get(holder))
      .filter((one) => one?.trustRoleKey === entry.key) as CredentialEntry[];
  }

  #about(entry: CredentialEntry) {
    const { key, identity: { arn, sessionName } } = entry;
    return { key, arn, sessionName, holders: this.#podsOf(entry) };
  }

  #podsOf(entry: CredentialEntry): string[] {
    const dependents = this.#dependentsOf(entry);
    if (dependents.length === 0) return [...entry.holders.keys()];
    return dependents.flatMap(({ holders }) => [...holders.keys()]);
  }

  #inspect(entry: CredentialEntry): CredentialInspection {
    return { ...entry.inspect(this.#now()), holders: this.#podsOf(entry).length };
  }

  #now(): number {
    return this.#clock.now();
  }
}

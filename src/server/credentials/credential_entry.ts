/** The state of one role identity's credentials, and what follows from it at a given time. */
import type { RoleIdentity } from "../../policy/facts.ts";
import { identityKey } from "../../policy/role_identity.ts";
import { Backoff } from "../../time/backoff.ts";
import type { CredentialInspection } from "./credential_reports.ts";
import type { AssumeRoleFault, CredentialState } from "../ports.ts";
import type { Session } from "./session_life.ts";
import type { Urgency } from "./fair_queue.ts";
import { trustRoleRefused } from "./credential_fault.ts";

/** However long the queue, a pod's first call becomes urgent after this wait. */
const maxWaitMs = 120_000;

/** STS calls must fail for this long before that is reported: most faults pass at once. */
const reportAfterMs = 2_000;

/** For faults that may pass; full jitter spreads out roles that failed together. */
const retryAfter = { minMs: 250, maxMs: 30_000, jitter: 1 };
/** For answers that another call can't change until somebody changes something. */
const refusedAfter = { minMs: 30_000, maxMs: 300_000, jitter: 0 };

export class CredentialEntry {
  readonly key: string;
  readonly identity: RoleIdentity;
  /** The key of the identity whose credentials it is assumed with; null: the server's own. */
  readonly trustRoleKey: string | null;
  /** The namespace of each pod that needs it, by UID; for a trust role, by dependent identity. */
  readonly holders = new Map<string, string>();
  readonly abort = new AbortController();
  phase: "idle" | "queued" | "calling" = "idle";
  /** The state that listeners were last called for. */
  announced: CredentialState = { kind: "pending" };

  #session: Session | undefined;
  #refusal: string | undefined;
  #lastFault: CredentialInspection["lastFault"] = null;
  #lastCallAt = -Infinity;
  /** When STS calls began to fail, since credentials were last issued. */
  #failingSince: number | undefined;
  #attempts = 0;
  readonly #faults: Backoff;
  readonly #refusals: Backoff;
  /** Refused, and neither its pod nor its namespace has changed since. */
  #stillRefused = false;
  #nextAttemptAt = Infinity;
  #waitsForTrustRole = false;
  /** The call in flight began before the instant given to `renew`. */
  #renewOnArrival = false;

  constructor(key: string, identity: RoleIdentity, random: () => number) {
    this.key = key;
    this.identity = identity;
    this.trustRoleKey = identity.assumedBy === null ? null : identityKey(identity.assumedBy);
    this.#faults = new Backoff({ ...retryAfter, random });
    this.#refusals = new Backoff({ ...refusedAfter, random });
  }

  /** A holder's namespace; its calls take this namespace's turn in the queue. */
  get namespace(): string {
    const [first = ""] = this.holders.values();
    return first;
  }

  get attempts(): number {
    return this.#attempts;
  }

  /** Infinity if nothing is planned. */
  get nextAttemptAt(): number {
    return this.phase === "idle" ? this.#nextAttemptAt : Infinity;
  }

  /** Its call is due, and nothing is planned until the trust role's credentials change. */
  get waitsForTrustRole(): boolean {
    return this.#waitsForTrustRole;
  }

  get everIssued(): boolean {
    return this.#session !== undefined;
  }

  /** When something has to be done next, or Infinity. */
  dueAt(now: number): number {
    const end = this.#session?.endsAt ?? -Infinity;
    return Math.min(this.nextAttemptAt, end > now ? end : Infinity);
  }

  /** Old credentials are served until they expire, whatever STS answers meanwhile. */
  state(now: number): CredentialState {
    const session = this.#session;
    if (session !== undefined && now < session.endsAt) {
      return { kind: "ready", credentials: session.credentials };
    }
    if (this.#refusal !== undefined) {
      return { kind: "failed", reason: "CredentialsFailed", message: this.#refusal };
    }
    return this.#problem === undefined
      ? { kind: "pending" }
      : { kind: "pending", problem: this.#problem };
  }

  get #problem(): string | undefined {
    const { at, message } = this.#lastFault ?? {};
    if (at === undefined || this.#failingSince === undefined) return undefined;
    return at - this.#failingSince >= reportAfterMs ? message : undefined;
  }

  /**
   * A refused identity without credentials has the lowest priority until its pod or namespace
   * changes: however many are refused, they don't delay those that can get credentials.
   */
  urgency(now: number): { urgency: Urgency; urgentAt: number } {
    const session = this.#session;
    const served = session !== undefined && now < session.endsAt;
    if (this.#stillRefused && !served) return { urgency: "ahead", urgentAt: Infinity };
    if (session !== undefined) return { urgency: "ahead", urgentAt: session.urgentAt };
    return { urgency: "scheduled", urgentAt: now + maxWaitMs };
  }

  /** The trust role's refusal counts as this one's, until there are credentials to try with. */
  waitFor(trustRole: CredentialState, now: number): void {
    this.phase = "idle";
    this.#waitsForTrustRole = true;
    this.#nextAttemptAt = Infinity;
    if (trustRole.kind !== "failed") return;
    const message = trustRoleRefused(trustRole.message);
    this.#refusal = message;
    this.#lastFault = { code: "access_denied", message, at: now };
  }

  calling(now: number): void {
    this.#waitsForTrustRole = false;
    this.phase = "calling";
    this.#lastCallAt = now;
    this.#attempts++;
  }

  issued(session: Session): void {
    this.phase = "idle";
    this.#session = session;
    this.#nextAttemptAt = this.#renewOnArrival ? session.since : session.renewAt;
    this.#renewOnArrival = false;
    this.#refusal = undefined;
    this.#lastFault = null;
    this.#failingSince = undefined;
    this.#attempts = 0;
    this.#forgetBackoff();
  }

  /** A retryable fault doesn't clear a refusal: STS may still refuse. */
  failed(fault: AssumeRoleFault, now: number): void {
    this.phase = "idle";
    this.#renewOnArrival = false;
    this.#lastFault = { code: fault.code, message: fault.message, at: now };
    this.#failingSince ??= now;
    if (fault.retryable) {
      this.#nextAttemptAt = now + this.#faults.next();
      return;
    }
    this.#refusal = fault.message;
    this.#stillRefused = true;
    this.#faults.reset();
    this.#nextAttemptAt = now + this.#refusals.next();
  }

  /** Forgets the backoff, but allows at most one call per second, however often pods change. */
  retry(now: number): void {
    if (this.phase !== "idle" || this.#lastFault === null || this.#waitsForTrustRole) return;
    this.#forgetBackoff();
    this.#nextAttemptAt = Math.min(this.#nextAttemptAt, Math.max(now, this.#lastCallAt + 1000));
  }

  /** Schedules a call at once, unless the credentials, or the call in flight, are no older than that. */
  renew(now: number, issuedBefore: number): boolean {
    if (this.phase === "calling") {
      this.#renewOnArrival ||= this.#lastCallAt < issuedBefore;
      return this.#renewOnArrival;
    }
    if (this.phase === "queued" || (this.#session?.since ?? Infinity) >= issuedBefore) return false;
    this.#nextAttemptAt = Math.max(now, this.#lastCallAt + 1000);
    return true;
  }

  #forgetBackoff(): void {
    this.#stillRefused = false;
    this.#faults.reset();
    this.#refusals.reset();
  }

  inspect(now: number): CredentialInspection {
    const { key, identity, phase, namespace, nextAttemptAt } = this;
    return {
      key,
      arn: identity.arn,
      sessionName: identity.sessionName,
      assumedBy: identity.assumedBy?.arn ?? null,
      namespace,
      holders: this.holders.size,
      state: this.state(now).kind,
      phase,
      attempts: this.#attempts,
      lastFault: this.#lastFault,
      nextAttemptAt: nextAttemptAt === Infinity ? null : nextAttemptAt,
      issuedAt: this.#session?.since ?? null,
      expiresAt: this.#session?.endsAt ?? null,
    };
  }
}

/** Whether a listener that knows `a` needn't be called for `b`. */
export function sameState(a: CredentialState, b: CredentialState): boolean {
  if (a.kind === "ready") return b.kind === "ready" && a.credentials === b.credentials;
  if (a.kind === "failed") return b.kind === "failed" && a.message === b.message;
  return b.kind === "pending" && a.problem === b.problem;
}

/**
 * STS in memory: one for all servers, with a clock of its own. It enforces trust, limits nothing by
 * itself, and keeps a ledger: what each access key was issued for, so that a check can read it from
 * an answer. It also checks each server's calls: rate, concurrency, one at a time per identity.
 */
import { type RoleIdentity, tokenSubject } from "../../src/policy/facts.ts";
import type { AssumeRole, AssumeRoleBy, Credentials } from "../../src/server/ports.ts";
import { claimsOf } from "../fakes/jwt.ts";
import { ScriptedFault } from "../fakes/scripted_sts.ts";
import { described, ownRole } from "./cluster_truth.ts";
import type { Random } from "./random.ts";
import type { Process, VirtualClock } from "./virtual_clock.ts";

export type StsMood = "well" | "throttles" | "fails" | "hangs" | "slow" | "denies";

export interface Issued {
  /** As `described` writes it. */
  readonly what: string;
  /** By the true time; milliseconds since the epoch. */
  readonly expiresAt: number;
  /** By the simulation's clock. */
  readonly issuedAt: number;
  readonly seconds: number;
}

/** What a server may do; as its settings say. */
export interface StsLimits {
  readonly perSecond: number;
  readonly burst: number;
  readonly concurrency: number;
}

interface TokenClaims {
  readonly aud: readonly string[];
  /** Seconds since the epoch. */
  readonly exp: number;
  readonly sub: string;
}

/** For so long after STS has throttled a call, the rate is half of what it was, or one a second. */
const slowedMs = 5_000;
/** From nothing to the full rate. */
const recoveryMs = 60_000;

/** What a server's calls may come to after STS has throttled one. */
class SlowedPace {
  readonly #full: number;
  #perSecond: number;
  #since = -Infinity;
  #calls = 0;

  constructor(perSecond: number) {
    this.#full = this.#perSecond = perSecond;
  }

  /** A call that began then has been throttled now. */
  throttled(begunAt: number, now: number): void {
    if (begunAt <= this.#since) return;
    const recoveredMs = Math.max(0, now - this.#since - slowedMs);
    const before = Math.min(this.#full, this.#perSecond + recoveredMs / recoveryMs * this.#full);
    this.#perSecond = Math.max(1, before / 2);
    this.#since = now;
    this.#calls = 0;
  }

  /** Whether a call may begin. */
  admits(now: number): boolean {
    if (now - this.#since >= slowedMs) return true;
    return ++this.#calls <= (now - this.#since) / 1000 * this.#perSecond + 2;
  }
}

/** The real adapter gives up on a call after this. */
const callMs = 10_000;

function lineOf(identity: RoleIdentity): string {
  const { arn, sessionName, externalId, tags, policyArns, policy, sourceIdentity } = identity;
  const { transitiveTagKeys, webIdentity } = identity;
  return described({
    role: arn.slice(arn.indexOf(":role/") + 6),
    sessionName,
    externalId,
    seconds: identity.durationSeconds,
    tags: tags.map((tag) => tag.join("=")),
    transitiveTags: transitiveTagKeys,
    policies: policyArns,
    policy,
    sourceIdentity,
    account: webIdentity && `${webIdentity.namespace}/${webIdentity.serviceAccount}`,
    by: identity.assumedBy && lineOf(identity.assumedBy),
  });
}

export class SimulatedSts {
  readonly ledger = new Map<string, Issued>();
  readonly #clock: VirtualClock;
  readonly #random: Random;
  readonly #violated: (what: string) => void;
  mood: StsMood = "well";
  /** When it last refused a session, as `described` writes it. */
  readonly #refusedAt = new Map<string, number>();
  /** How far its clock is ahead. */
  offsetMs = 0;
  calls = 0;

  constructor(clock: VirtualClock, random: Random, violated: (what: string) => void) {
    this.#clock = clock;
    this.#random = random;
    this.#violated = violated;
  }

  /** When it last refused the session or its trust role's; -Infinity if never. */
  refusedAt(what: string): number {
    const [, trustRole = ""] = what.split(" by ");
    return Math.max(...[what, trustRole].map((one) => this.#refusedAt.get(one) ?? -Infinity));
  }

  /** When it last refused anything. */
  get deniedAt(): number {
    return Math.max(-Infinity, ...this.#refusedAt.values());
  }

  /** For one server. `reachable`: whether packets pass between the two. */
  for(server: Process, limits: StsLimits, reachable: () => boolean): AssumeRole {
    const random = this.#random.fork(server.name);
    const inFlight = new Set<string>();
    let tokens = limits.burst;
    let at = server.monotonic();
    let { jumps } = server.machine;
    let slowed = new SlowedPace(limits.perSecond);
    return async (identity, signal, by = {}) => {
      const what = lineOf(identity);
      this.calls++;
      const now = server.monotonic();
      tokens = Math.min(limits.burst, tokens + (now - at) / 1000 * limits.perSecond);
      at = now;
      // To the server, a clock that was set ahead looks like a machine that was suspended.
      if (server.machine.jumps > jumps) {
        tokens = limits.burst;
        slowed = new SlowedPace(limits.perSecond);
      }
      jumps = server.machine.jumps;
      // Calls that have their turn may wait for the server's own identity, and then go together.
      if (--tokens < -limits.concurrency) this.#violated(`${server.name} calls STS above its rate`);
      if (!slowed.admits(now)) this.#violated(`${server.name} calls STS as fast, though throttled`);
      if (inFlight.has(what)) this.#violated(`${server.name} has two calls in flight for ${what}`);
      if (inFlight.size >= limits.concurrency) {
        this.#violated(`${server.name} has more than ${limits.concurrency} calls in flight`);
      }
      if (identity.arn.endsWith(`/${ownRole}`)) {
        this.#violated(`${server.name} assumes its own role`);
      }
      inFlight.add(what);
      try {
        await this.#passes(server, signal, random, reachable);
        const answer = this.#answer(identity, random, by);
        // STS doesn't say when it issued them: that is when they came, by the server's clock.
        return { ...answer, issuedAt: server.now() };
      } catch (fault) {
        const { code } = fault as { readonly code?: unknown };
        if (code === "throttled") slowed.throttled(now, server.monotonic());
        throw fault;
      } finally {
        inFlight.delete(what);
      }
    };
  }

  /** GetCallerIdentity. */
  callerArns(server: Process, reachable: () => boolean) {
    const random = this.#random.fork(`${server.name} identity`);
    return async (signal: AbortSignal): Promise<[string, ...string[]]> => {
      await this.#passes(server, signal, random, reachable);
      if (this.mood !== "well" && this.mood !== "denies") {
        throw new ScriptedFault("unreachable", "STS can't be reached");
      }
      return ["arn:aws:sts::111122223333:assumed-role/" + ownRole + "/i-1"];
    };
  }

  /** The answer's time to the server; rejects if it never comes. */
  async #passes(
    server: Process,
    signal: AbortSignal,
    random: Random,
    reachable: () => boolean,
  ): Promise<void> {
    const hangs = this.mood === "hangs" || !reachable();
    const slow = this.mood === "slow" ? 4_000 : 150;
    const ms = hangs ? callMs : 20 + random.next() * slow;
    await new Promise<void>((resolve) => {
      const end = () => {
        cancel();
        signal.removeEventListener("abort", end);
        resolve();
      };
      const cancel = this.#clock.after(ms, () => server.receive(end));
      signal.addEventListener("abort", end, { once: true });
      if (signal.aborted) end();
    });
    signal.throwIfAborted();
    if (hangs) throw new ScriptedFault("unreachable", "no answer within 10 s");
  }

  #answer(
    identity: RoleIdentity,
    random: Random,
    by: AssumeRoleBy,
  ): Omit<Credentials, "issuedAt"> {
    if (this.mood === "throttles" && random.chance(0.7)) throw new ScriptedFault("throttled");
    if (this.mood === "fails" && random.chance(0.8)) throw new ScriptedFault("sts_failing");
    if (this.mood === "denies" && random.chance(0.7) || !this.#trusts(identity, by)) {
      this.#refusedAt.set(lineOf(identity), this.#clock.time);
      throw new ScriptedFault("access_denied", "STS refuses the role");
    }
    const now = this.#clock.now() + this.offsetMs;
    const seconds = Math.floor(now / 1000);
    const accessKeyId = `ASIA${String(this.ledger.size + 1).padStart(8, "0")}`;
    const expiresAt = (seconds + identity.durationSeconds) * 1000;
    this.ledger.set(accessKeyId, {
      what: lineOf(identity),
      expiresAt: expiresAt - this.offsetMs,
      issuedAt: this.#clock.time,
      seconds: identity.durationSeconds,
    });
    return {
      accessKeyId,
      secretAccessKey: `secret-of-${accessKeyId}`,
      sessionToken: `session-of-${accessKeyId}`,
      expiresAt,
    };
  }

  /**
   * A chained role trusts only its trust role's session, one with a web identity only that
   * ServiceAccount, and any other the server; credentials and tokens must be valid.
   */
  #trusts(identity: RoleIdentity, { assumedBy, webIdentityToken }: AssumeRoleBy): boolean {
    const { webIdentity } = identity;
    if ((webIdentity === null) !== (webIdentityToken === undefined)) return false;
    if ((identity.assumedBy === null) !== (assumedBy === undefined)) return false;
    if (webIdentity !== null) {
      const { aud, exp, sub } = claimsOf<TokenClaims>(webIdentityToken!);
      return aud.includes("sts.amazonaws.com") && exp * 1000 > this.#clock.now() &&
        sub === tokenSubject(webIdentity);
    }
    if (identity.assumedBy === null) return true;
    const session = this.ledger.get(assumedBy!.accessKeyId);
    return session !== undefined && session.expiresAt > this.#clock.now() &&
      session.what === lineOf(identity.assumedBy);
  }
}

/**
 * STS in memory: one for all servers, with a clock of its own. It enforces trust, limits nothing by
 * itself, and keeps a ledger: what each access key was issued for, so that a check can read it from
 * an answer. It also checks each server's calls: rate, concurrency, one at a time per identity.
 */
import type { RoleIdentity } from "../../src/policy/facts.ts";
import type { AssumeRole, Credentials } from "../../src/server/ports.ts";
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

/** The real adapter gives up on a call after this. */
const callMs = 10_000;

function lineOf(identity: RoleIdentity): string {
  const { arn, sessionName, externalId, tags, policyArns, policy, sourceIdentity } = identity;
  return described({
    role: arn.slice(arn.indexOf(":role/") + 6),
    sessionName,
    externalId,
    seconds: identity.durationSeconds,
    tags: tags.map((tag) => tag.join("=")),
    policies: policyArns,
    policy,
    sourceIdentity,
    by: identity.assumedBy && lineOf(identity.assumedBy),
  });
}

export class SimulatedSts {
  readonly ledger = new Map<string, Issued>();
  readonly #clock: VirtualClock;
  readonly #random: Random;
  readonly #violated: (what: string) => void;
  mood: StsMood = "well";
  /** When it last refused a role; -Infinity if never. */
  deniedAt = -Infinity;
  /** How far its clock is ahead. */
  offsetMs = 0;
  calls = 0;

  constructor(clock: VirtualClock, random: Random, violated: (what: string) => void) {
    this.#clock = clock;
    this.#random = random;
    this.#violated = violated;
  }

  /** For one server. `reachable`: whether packets pass between the two. */
  for(server: Process, limits: StsLimits, reachable: () => boolean): AssumeRole {
    const random = this.#random.fork(server.name);
    const inFlight = new Set<string>();
    let tokens = limits.burst;
    let at = server.monotonic();
    let { jumps } = server.machine;
    return async (identity, signal, { assumedBy } = {}) => {
      const what = lineOf(identity);
      this.calls++;
      const now = server.monotonic();
      tokens = Math.min(limits.burst, tokens + (now - at) / 1000 * limits.perSecond);
      at = now;
      // To the server, a clock that was set ahead looks like a machine that was suspended.
      if (server.machine.jumps > jumps) tokens = limits.burst;
      jumps = server.machine.jumps;
      // Calls that have their turn may wait for the server's own identity, and then go together.
      if (--tokens < -limits.concurrency) this.#violated(`${server.name} calls STS above its rate`);
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
        const answer = this.#answer(identity, random, assumedBy);
        // STS doesn't say when it issued them: that is when they came, by the server's clock.
        return { ...answer, issuedAt: server.now() };
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
    assumedBy: Credentials | undefined,
  ): Omit<Credentials, "issuedAt"> {
    if (this.mood === "throttles" && random.chance(0.7)) throw new ScriptedFault("throttled");
    if (this.mood === "fails" && random.chance(0.8)) throw new ScriptedFault("sts_failing");
    if (this.mood === "denies" && random.chance(0.7) || !this.#trusts(identity, assumedBy)) {
      this.deniedAt = this.#clock.time;
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
      secretAccessKey: "secret",
      sessionToken: "token",
      expiresAt,
    };
  }

  /** A chained role trusts only its trust role's session, with credentials that are still valid. */
  #trusts(identity: RoleIdentity, assumedBy: Credentials | undefined): boolean {
    if (identity.assumedBy === null) return assumedBy === undefined;
    const by = this.ledger.get(assumedBy?.accessKeyId ?? "");
    if (by === undefined || by.expiresAt <= this.#clock.now()) return false;
    return by.what === lineOf(identity.assumedBy);
  }
}

/** An STS in memory, with answers from the test. */
import { roleIdentity } from "./facts.ts";
import type { RoleIdentity } from "../../src/policy/facts.ts";
import type { AssumeRole, AssumeRoleFault, Credentials } from "../../src/server/ports.ts";
import type { ManualClock } from "./manual_clock.ts";

/** The identity of a made-up role; its key is its name. */
export function identityOf(name: string, durationSeconds = 3600): RoleIdentity {
  return roleIdentity({
    arn: `arn:aws:iam::111122223333:role/${name}`,
    sessionName: name,
    durationSeconds,
  });
}

export class ScriptedFault extends Error implements AssumeRoleFault {
  readonly code: AssumeRoleFault["code"];
  readonly retryable: boolean;

  constructor(code: AssumeRoleFault["code"], message: string = code) {
    super(message);
    this.code = code;
    this.retryable = code !== "access_denied" && code !== "rejected";
  }
}

interface ScriptedCall {
  readonly name: string;
  readonly at: number;
  readonly signal: AbortSignal;
  /** The trust role's. */
  readonly assumedBy: Credentials | undefined;
}

/** Issues credentials of the requested duration, unless `answer` says otherwise. */
export class ScriptedSts {
  readonly calls: ScriptedCall[] = [];
  /** Time that a call takes. */
  latencyMs = 0;
  /** Undefined means credentials; a fault is thrown. */
  answer: (call: ScriptedCall) => AssumeRoleFault | Partial<Credentials> | undefined = () =>
    undefined;
  readonly #clock: ManualClock;

  constructor(clock: ManualClock) {
    this.#clock = clock;
  }

  /** Times of the calls in seconds after `from`. */
  secondsSince(from: number): number[] {
    return this.calls.map(({ at }) => (at - from) / 1000);
  }

  readonly assumeRole: AssumeRole = async (identity, signal, { assumedBy } = {}) => {
    const call = { name: identity.sessionName, at: this.#clock.now(), signal, assumedBy };
    this.calls.push(call);
    if (this.latencyMs > 0) await this.#passes(this.latencyMs);
    const answer = this.answer(call);
    if (answer instanceof Error) throw answer;
    const now = this.#clock.now();
    return {
      accessKeyId: `ASIA-${identity.sessionName}-${this.calls.indexOf(call)}`,
      secretAccessKey: "secret",
      sessionToken: "token",
      issuedAt: now,
      expiresAt: now + identity.durationSeconds * 1000,
      ...answer,
    };
  };

  #passes(ms: number): Promise<void> {
    return new Promise((resolve) => this.#clock.after(ms, resolve));
  }
}

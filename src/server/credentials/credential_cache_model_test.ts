import { test } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import { ManualClock } from "../../../tests/fakes/manual_clock.ts";
import { identityOf, ScriptedFault, ScriptedSts } from "../../../tests/fakes/scripted_sts.ts";
import { CredentialCache } from "./credential_cache.ts";
import { sameState } from "./credential_entry.ts";
import type { AssumeRole, CredentialState } from "../ports.ts";

const roles = ["a", "b", "c", "d"] as const;
const rate = 3;

const step = fc.oneof(
  fc.record({
    kind: fc.constantFrom("hold", "release"),
    role: fc.constantFrom(...roles),
    pod: fc.constantFrom("1", "2"),
  }),
  fc.record({ kind: fc.constant("retry"), role: fc.constantFrom(...roles) }),
  fc.record({
    kind: fc.constant("advance"),
    ms: fc.constantFrom(0, 40, 900, 20_000, 400_000, 3_000_000),
  }),
  fc.record({
    kind: fc.constant("sts"),
    answer: fc.constantFrom("ok", "throttled", "access_denied", "short", "ended"),
    latencyMs: fc.constantFrom(0, 100, 2500),
  }),
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** A cache, a mirror of what its listener received, and the calls under way for each role. */
class Model {
  readonly clock = new ManualClock();
  readonly sts = new ScriptedSts(this.clock);
  readonly held = new Map<string, Set<string>>();
  readonly received = new Map<string, CredentialState>();
  readonly underWay = new Map<string, number>();
  readonly cache = new CredentialCache({
    assumeRole: (identity, signal) => this.#watched(identity, signal),
    clock: this.clock,
    random: () => 0.5,
    rate,
    burst: rate,
    concurrency: 2,
    hooks: {},
  });

  constructor() {
    this.cache.subscribe((key) => this.received.set(key, this.cache.state(key)));
  }

  async take(step: Step): Promise<void> {
    if (step.kind === "advance") return await this.clock.advance(step.ms);
    if (step.kind === "retry") return this.cache.retry(step.role);
    if (step.kind === "sts") return this.answer(step.answer, step.latencyMs);
    if ("pod" in step && step.kind === "hold") return this.#hold(step.role, step.pod);
    if ("pod" in step) return this.#release(step.role, step.pod);
  }

  answer(answer: string, latencyMs: number): void {
    this.sts.latencyMs = latencyMs;
    this.sts.answer = () => {
      if (answer === "ok") return undefined;
      if (answer === "short") return { expiresAt: this.clock.now() + 30_000 };
      if (answer === "ended") return { expiresAt: this.clock.now() - 1 };
      return new ScriptedFault(answer === "throttled" ? "throttled" : "access_denied");
    };
  }

  check(): void {
    for (const role of roles) {
      const state = this.cache.state(role);
      assert.ok((this.underWay.get(role) ?? 0) <= 1, `two calls for ${role}`);
      assert.equal(this.cache.inspect(role)?.holders ?? 0, this.held.get(role)?.size ?? 0);
      assert.ok(sameState(this.received.get(role) ?? { kind: "pending" }, state), `${role} untold`);
      if (state.kind === "ready") assert.ok(state.credentials.expiresAt > this.clock.now());
    }
    const times = this.sts.calls.map(({ at }) => at);
    assert.ok(times.every((at, index) => (times[index + 2 * rate] ?? Infinity) - at >= 1000));
  }

  #hold(role: string, pod: string): void {
    this.held.set(role, (this.held.get(role) ?? new Set()).add(pod));
    this.cache.hold(role, identityOf(role), pod, `ns-${pod}`);
  }

  #release(role: string, pod: string): void {
    this.cache.release(role, pod);
    const pods = this.held.get(role);
    pods?.delete(pod);
    if (pods?.size !== 0) return;
    this.held.delete(role);
    this.received.delete(role);
  }

  #watched: AssumeRole = (identity, signal) => {
    const role = identity.sessionName;
    const count = (by: number) => this.underWay.set(role, (this.underWay.get(role) ?? 0) + by);
    let open = true;
    const end = () => {
      if (open) count(-1);
      open = false;
    };
    count(1);
    signal.addEventListener("abort", end);
    return this.sts.assumeRole(identity, signal).finally(end);
  };
}

test("CredentialCache: at any time one call per identity, listeners up to date, nothing expired served", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40, size: "max" }), async (steps) => {
      const model = new Model();
      for (const each of steps) {
        await model.take(each);
        model.check();
      }
      model.answer("ok", 0);
      await model.clock.advance(360_000);
      model.check();
      for (const role of model.held.keys()) assert.equal(model.cache.state(role).kind, "ready");
      model.cache.close();
      await model.clock.advance(3_000);
      assert.equal(model.clock.pending(), 0);
    }),
    { numRuns: 150 },
  );
});

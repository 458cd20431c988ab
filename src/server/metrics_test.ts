import { test } from "node:test";
import assert from "node:assert/strict";
import { podFacts } from "../../tests/fakes/facts.ts";
import type { DenialReason } from "../policy/facts.ts";
import type { Assignment } from "./assignments/assignment_frame.ts";
import { publishMetrics } from "./metrics.ts";
import { ServerCounts } from "./server_counts.ts";

const reasons: readonly DenialReason[] = ["NotPermitted", "PermittedAbsent", "RoleMalformed"];

function denied(n: number): Assignment {
  const pod = podFacts({ uid: `uid-${n}`, name: `pod-${n}`, namespace: `ns-${n % 100}` });
  const denial = { reason: reasons[n % 3]!, message: `pod-${n} may not` };
  return { pod, imdsv2: false, decision: { kind: "denied", denial }, key: null, credentials: null };
}

test("metrics: 10,000 pods make as many lines as ten", async () => {
  const lines = async (pods: number) => {
    const waiting = { late: 0, scheduled: 0, ahead: 0 };
    const registry = publishMetrics(
      new ServerCounts(),
      { version: "1", runtime: "test" },
      {
        watches: () => [{ resource: "pods", ageSeconds: 1, restarts: 0, synced: true }],
        counts: () => ({ pods, namespaces: 100 }),
        held: () => Array.from({ length: pods }, (_, n) => denied(n)),
        credentials: () => ({
          pending: 0,
          ready: pods,
          failed: 0,
          oldestMs: 0,
          shortestLeftMs: null,
          queue: { waiting, longestWaitMs: 0, inFlight: 0, ratePerSecond: 100 },
        }),
        streams: () => 300,
        certificateExpiresAt: () => 0,
      } as unknown as Parameters<typeof publishMetrics>[2],
    );
    return (await registry.metrics()).split("\n");
  };
  const [few, many] = [await lines(10), await lines(10_000)];
  assert.equal(many.length, few.length);
  assert.ok(
    many.includes('rolecall_server_decisions{outcome="denied",reason="NotPermitted"} 3334'),
  );
});

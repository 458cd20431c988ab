import assert from "node:assert/strict";
import { test } from "node:test";
import { agentRow, podRow } from "../../../../tests/fakes/summaries.ts";
import { servedSteps } from "./served_steps.ts";
import type { AgentRow, PodRow } from "./summary.ts";

const ready = { version: "1", ready: true, assignments: 1 };
const inPlace = { kind: "nftables", inPlace: true, repairs: 0 };
const here = agentRow({ report: { ...ready, redirect: inPlace } });

// name, the pod's row, agents, states of credentials and agent, the first reason
const cases: readonly [string, Partial<PodRow>, readonly AgentRow[], string, string?][] = [
  ["all well", { state: "ready" }, [here], "ok ok"],
  ["no report yet", { state: "ready" }, [agentRow()], "ok ok"],
  ["refused", { state: "failed", reason: "CredentialsFailed" }, [here], "failed ok"],
  ["on its way", { state: "pending" }, [here], "waiting ok", "CredentialsPending"],
  ["a replica that doesn't have it", { state: "unserved" }, [here], "waiting ok"],
  ["no agent", { state: "unserved" }, [], "skipped failed", "AgentAbsent"],
  ["another node's", { state: "unserved" }, [agentRow({ node: "n2" })], "skipped failed"],
  ["a stream ended", { state: "ready" }, [agentRow({ connectedAt: null })], "ok failed"],
  ["no node", { state: "unserved", node: null }, [], "skipped waiting", "PodUnscheduled"],
  [
    "not ready",
    { state: "ready" },
    [agentRow({ report: { ...ready, ready: false, redirect: inPlace } })],
    "ok failed",
    "AgentNotReady",
  ],
  [
    "rules gone",
    { state: "ready" },
    [agentRow({ report: { ...ready, redirect: { ...inPlace, inPlace: false } } })],
    "ok failed",
    "RedirectMissing",
  ],
  [
    "no redirect wanted",
    { state: "ready" },
    [agentRow({ report: { ...ready, redirect: { kind: "none", inPlace: false, repairs: 0 } } })],
    "ok ok",
  ],
];

test("servedSteps() name how the agent identifies the pod", () => {
  const agents = [agentRow({ report: { ...ready, redirect: inPlace, identity: "kernel" } })];
  const { found } = servedSteps({ row: podRow({ state: "ready" }), agents, complete: true }).at(
    -1,
  )!;
  assert.match(found, /, redirect nftables, identity by kernel$/);
});

for (const [name, row, agents, states, reason] of cases) {
  test(`servedSteps() ${name}: ${states}`, () => {
    const steps = servedSteps({ row: podRow(row), agents, complete: true });
    assert.deepEqual(steps.map(({ step }) => step), ["credentials", "agent"]);
    assert.equal(steps.map(({ state }) => state).join(" "), states);
    const first = steps.find(({ state }) => state === "failed" || state === "waiting");
    if (reason !== undefined) assert.equal(first?.reason, reason);
    if (first !== undefined) assert.ok(first.remedy !== undefined);
  });
}

test("servedSteps(): an agent that wasn't seen may be a silent replica's", () => {
  const [, agent] = servedSteps({
    row: podRow({ state: "unserved" }),
    agents: [],
    complete: false,
  });
  assert.deepEqual([agent?.state, agent?.reason], ["waiting", "AgentUnknown"]);
});

test("servedSteps(): STS's refusal split into finding and remedy, whole in the message, with the next attempt", () => {
  const message = "STS denies arn:aws:iam::1:role/r: it must exist; if that asks, annotate";
  const row = podRow({ state: "failed", message, nextAttemptAt: "2026-01-01T00:00:30Z" });
  const [step] = servedSteps({ row, agents: [here], complete: true });
  assert.equal(
    step?.found,
    "STS denies arn:aws:iam::1:role/r (next attempt at 2026-01-01T00:00:30Z)",
  );
  assert.equal(step?.remedy, "it must exist; if that asks, annotate");
  assert.equal(step?.message, message);
});

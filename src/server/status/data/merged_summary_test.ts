import assert from "node:assert/strict";
import { test } from "node:test";
import { agentRow, podRow, summary } from "../../../../tests/fakes/summaries.ts";
import { mergeSummaries, readSummary } from "./merged_summary.ts";

const answer = (changes: Parameters<typeof summary>[0]) =>
  ({ kind: "summary", summary: summary(changes) }) as const;

test("mergeSummaries(): the replica that has a pod's agent knows its credentials", () => {
  const own = summary({ pods: [podRow({ state: "unserved", accessKeyId: null })] });
  const other = answer({ replica: "server-1", pods: [podRow()], agents: [agentRow()] });
  for (
    const merged of [mergeSummaries(own, [other]), mergeSummaries(other.summary, [answer(own)])]
  ) {
    assert.deepEqual(merged.pods, [podRow()]);
    assert.deepEqual(merged.agents, [agentRow()]);
  }
});

test("mergeSummaries(): a pod's latest request without a token, whichever replica knows of it", () => {
  const [first, last] = ["2026-01-01T00:00:00Z", "2026-01-01T00:05:00Z"];
  const { lastWithoutToken: _, ...older } = podRow();
  const merged = mergeSummaries(summary({ pods: [podRow({ state: "none" })] }), [
    answer({ replica: "server-1", pods: [podRow({ state: "none", lastWithoutToken: last })] }),
    answer({ replica: "server-2", pods: [podRow({ lastWithoutToken: first })] }),
    answer({ replica: "server-3", pods: [older] }),
  ]);
  assert.deepEqual(merged.pods, [podRow({ lastWithoutToken: last })]);
});

test("mergeSummaries(): processes of the same name are kept apart", () => {
  const other = answer({ instance: "another", pods: [podRow()] });
  const merged = mergeSummaries(summary(), [other]);
  assert.deepEqual(merged.replicas.map(({ replica }) => replica), ["server-0", "server-0"]);
  assert.equal(merged.pods.length, 1);
});

test("mergeSummaries(): an agent that moved is connected to the replica that it reached last", () => {
  const old = agentRow({ connectedAt: null, reportedAt: "2026-01-01T00:00:00Z" });
  const older = agentRow();
  const now = agentRow({ connectedAt: "2026-01-01T00:05:00Z" });
  const merged = mergeSummaries(summary({ agents: [old] }), [
    answer({ replica: "server-1", agents: [older] }),
    answer({ replica: "server-2", agents: [now] }),
  ]);
  assert.deepEqual(merged.agents, [now]);
});

test("mergeSummaries(): an answer from this replica itself is ignored; silent replicas are named", () => {
  const merged = mergeSummaries(summary(), [
    answer({}),
    answer({ replica: "server-1", missing: ["pods: not listed yet"], watchAgeSeconds: null }),
    { kind: "problem", peer: "10.0.0.3", problem: "no answer in time" },
  ]);
  assert.deepEqual(merged.replicas.map(({ replica, problem }) => [replica, problem]), [
    ["server-0", null],
    ["server-1", null],
    ["10.0.0.3", "no answer in time"],
  ]);
  assert.deepEqual(merged.replicas[1]?.missing, ["pods: not listed yet"]);
});

test("readSummary(): another version's with further fields, and nothing that isn't one", () => {
  const later = { ...summary({ pods: [podRow()], agents: [agentRow()] }), later: 1 };
  assert.deepEqual(readSummary(JSON.parse(JSON.stringify(later))), later);
  for (const other of [null, [], "x", {}, { ...later, pods: [{}] }, { ...later, agents: null }]) {
    assert.equal(readSummary(other), null);
  }
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { fakeRuntime } from "../../tests/fakes/runtime.ts";
import { agentRow, podRow, summary } from "../../tests/fakes/summaries.ts";
import { runStatus } from "./command.ts";

const url = "http://127.0.0.1:19622";
const report = {
  version: "1",
  ready: true,
  redirect: { kind: "iptables", inPlace: true, repairs: 0, guarded: true },
  assignments: 1,
  identity: "kernel",
};
const replica = {
  replica: "server-0",
  version: "1",
  missing: [],
  watchAgeSeconds: 1,
  problem: null,
};
const denied = { state: "denied", reason: "NotPermitted", message: "namespace shop: …" } as const;

function merged(changes: object = {}) {
  const agents = [agentRow({ report })];
  return { ...summary({ agents, pods: [podRow()] }), replicas: [replica], ...changes };
}

async function run(answer: object, ...args: string[]) {
  const { runtime, written } = fakeRuntime({
    fetch: () => Promise.resolve(Response.json(answer)),
  });
  const code = await runStatus(runtime, [`--server-status=${url}`, ...args]);
  return { code, text: written() };
}

test("status: a healthy installation on one screen, exit code 0", async () => {
  const { code, text } = await run(merged());
  assert.equal(
    text,
    `Healthy.

Servers   1 of 1 ready, version 1
Agents    1 of 1 ready, version 1
Redirect  1 iptables
Identity  1 kernel
Pods      1 ready

Source: the server at ${url}
`,
  );
  assert.equal(code, 0);
});

const broken = { ...report, redirect: { ...report.redirect, inPlace: false } };

// what, the summary, what is written
const unhealthy = [
  [
    "a silent server",
    { replicas: [replica, { ...replica, replica: "b", problem: "late" }] },
    /server b doesn't answer: late/,
  ],
  [
    "a server that isn't ready",
    { replicas: [{ ...replica, missing: ["AWS: none"] }] },
    /server server-0 isn't ready: AWS: none/,
  ],
  [
    "an agent that is gone",
    { agents: [agentRow({ connectedAt: null })] },
    /agent on n1 isn't connected/,
  ],
  ["an agent without a report", { agents: [agentRow()] }, /agent on n1 hasn't reported yet/],
  [
    "an agent that isn't ready",
    { agents: [agentRow({ report: { ...report, ready: false } })] },
    /agent on n1 isn't ready/,
  ],
  [
    "a missing redirect",
    { agents: [agentRow({ report: broken })] },
    /agent on n1: its redirect isn't in place/,
  ],
  [
    "an instance that answers",
    { agents: [agentRow({ report: { ...report, instanceAnswersWithoutToken: true } })] },
    /answers without tokens; set HttpTokens=required/,
  ],
  [
    "a node without an agent",
    { pods: [podRow({ state: "unserved", node: "n2" })] },
    /node n2 has pods with roles, and no agent/,
  ],
  [
    "version skew",
    { agents: [agentRow({ report: { ...report, version: "0" } })] },
    /versions differ: 0, 1; finish/,
  ],
] as const;

for (const [what, changes, text] of unhealthy) {
  test(`status: ${what}, exit code 1`, async () => {
    const result = await run(merged(changes));
    assert.match(result.text, /^Not healthy\.\n/);
    assert.match(result.text, text);
    assert.equal(result.code, 1);
  });
}

test("status: denied pods are listed by cause, and are no fault of the installation", async () => {
  const pods = ["a", "b", "c", "d"].map((name) => podRow({ ...denied, name, uid: name }));
  const { code, text } = await run(merged({ pods }));
  assert.match(
    text,
    /Denied:\n {2}NotPermitted: namespace shop: …\n {4}shop\/a, shop\/b, shop\/c and 1 more/,
  );
  assert.equal(code, 0);
});

test("status -o json and yaml: the same for scripts", async () => {
  const { text } = await run(merged(), "-o", "json");
  const status = JSON.parse(text);
  assert.deepEqual([status.healthy, status.identity], [true, { kernel: 1 }]);
  assert.match((await run(merged(), "-o=yaml")).text, /^healthy: true\n/);
});

test("status --watch prints it again until it is stopped", async () => {
  let stop: (signal: string) => void = () => {};
  let answers = 0;
  const { runtime, written } = fakeRuntime({
    fetch: () => {
      answers++;
      stop("SIGINT");
      return Promise.resolve(Response.json(merged()));
    },
  });
  const stoppable = { ...runtime, onStop: (call: typeof stop) => void (stop = call) };
  assert.equal(await runStatus(stoppable, ["--watch", `--server-status=${url}`]), 0);
  assert.equal(answers, 1);
  assert.match(written(), /^Healthy/);
});

test("status: no server, and wrong flags", async () => {
  const none = fakeRuntime({});
  assert.equal(await runStatus(none.runtime, [`--server-status=${url}`]), 1);
  assert.match(none.written(), /^status: .*no server answers/);
  const wrong = await run(merged(), "--wathc", "x");
  assert.deepEqual([wrong.code, /did you mean --watch/.test(wrong.text)], [2, true]);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { fakeRuntime } from "../../tests/fakes/runtime.ts";
import { agentRow, podRow, summary } from "../../tests/fakes/summaries.ts";
import { version as own } from "../version.ts";
import { runStatus } from "./command.ts";
import { runVersion } from "./version_command.ts";

const url = "http://127.0.0.1:19622";
const report = {
  version: "1",
  ready: true,
  redirect: { kind: "iptables", inPlace: true, repairs: 0, guarded: true },
  closedFromBoot: true,
  assignments: 1,
  identity: "kernel",
  withoutTokenSince: "2025-12-31T00:00:00Z",
};
const replica = {
  replica: "server-0",
  version: "1",
  missing: [],
  watchAgeSeconds: 1,
  certificate: { expiresAt: "2026-01-20T00:00:00Z", problem: null },
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

Servers       1 of 1 ready, version 1
Agents        1 of 1 ready, version 1
Redirect      1 iptables
Boot guard    1 in place
Identity      1 kernel
Pods          1 ready
Certificates  valid until 2026-01-20T00:00:00Z
IMDSv2        safe to require: shop (seen since 2025-12-31T00:00:00Z)

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
    "a node without the boot guard's unit",
    { agents: [agentRow({ report: { ...report, closedFromBoot: false } })] },
    /Boot guard +1 missing\n[^]*agent on n1: its node is open to pods from boot until it runs/,
  ],
  [
    "a node without an agent",
    { pods: [podRow({ state: "unserved", node: "n2" })] },
    /node n2 has pods with roles, and no agent/,
  ],
  [
    "a certificate that ends",
    {
      replicas: [{ ...replica, certificate: { expiresAt: "2026-01-04T00:00:00Z", problem: "x" } }],
    },
    /server-0: its certificate ends at 2026-01-04T00:00:00Z\n.*its certificate: x\n/,
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

test("status: which namespaces' pods make requests without a token", async () => {
  const at = "2026-01-01T00:00:00Z";
  const pods = [
    podRow(),
    podRow({ uid: "a", namespace: "legacy", name: "a", lastWithoutToken: at }),
    podRow({ uid: "b", namespace: "legacy", name: "b", lastWithoutToken: at }),
    podRow({ uid: "c", namespace: "legacy", name: "c" }),
    podRow({ uid: "h", namespace: "kube-system", hostNetwork: true }),
  ];
  const line = async (changes: object) =>
    /^IMDSv2 +(.*)$/m.exec((await run(merged(changes))).text)?.[1];
  assert.equal(
    await line({ pods }),
    "safe to require: shop; not: legacy (2 pods) (seen since 2025-12-31T00:00:00Z)",
  );
  const newer = { ...report, withoutTokenSince: "2026-01-01T00:00:00Z" };
  const agents = [agentRow({ report }), agentRow({ node: "n2", report: newer })];
  assert.match(await line({ agents }) ?? "", /seen since 2026-01-01T00:00:00Z/);
  const { withoutTokenSince: _, ...older } = report;
  assert.equal(
    await line({ pods, agents: [agentRow({ report: older })] }),
    "not every agent says whether pods make requests without a token; not safe: legacy (2 pods)",
  );
});

test("version: servers and agents by version, and whether they differ", async () => {
  const version = async (answer: object | null, ...args: string[]) => {
    const fetch = () => Promise.resolve(Response.json(answer));
    const { runtime, written } = fakeRuntime(answer === null ? {} : { fetch });
    return { code: await runVersion(runtime, args), text: written() };
  };
  const same = await version(merged(), `--server-status=${url}`);
  assert.deepEqual(same, {
    code: 0,
    text: `rolecall ${own} (node 0)\n1: 1 server (server-0), 1 agent (n1)\n`,
  });
  const old = { ...report, version: "0" };
  const agents = [
    agentRow({ report }),
    agentRow({ node: "n2", report: old }),
    agentRow({ node: "n3" }),
  ];
  const mixed = await version(merged({ agents }), `--server-status=${url}`);
  assert.equal(mixed.code, 3);
  assert.match(
    mixed.text,
    /\n0: 0 servers, 1 agent \(n2\)\nunknown: 0 servers, 1 agent \(n3\)\nVersions differ/,
  );
  const json = await version(merged({ agents }), `--server-status=${url}`, "-o=json");
  assert.deepEqual([json.code, JSON.parse(json.text).skewed], [3, true]);
  assert.equal((await version(null, `--server-status=${url}`)).code, 1);
  const alone = await version(null);
  assert.equal(alone.code, 0);
  assert.match(alone.text, /^rolecall .*\nversion: no server answers at/);
  assert.deepEqual((await version(null, "--client")).text, `rolecall ${own} (node 0)\n`);
  assert.equal((await version(null, "x")).code, 2);
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
  const refused = Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" });
  const closed = fakeRuntime({ fetch: () => Promise.reject(refused) });
  assert.equal(await runStatus(closed.runtime, [`--server-status=${url}`]), 1);
  assert.match(closed.written(), /: no server answers \(nothing listens there\); try: kubectl/);
  const wrong = await run(merged(), "--wathc", "x");
  assert.deepEqual([wrong.code, /did you mean --watch/.test(wrong.text)], [2, true]);
});

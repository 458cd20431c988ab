import { test } from "node:test";
import assert from "node:assert/strict";
import type { AgentReport } from "../protocol/frames.ts";
import { replyOf } from "../net/http_messages.ts";
import { aborted } from "../time/pause.ts";
import { FakeAgentServer } from "../../tests/fakes/agent_server.ts";
import { agentSettings } from "../../tests/fakes/agent_settings.ts";
import { podFrame, roleFrame } from "../../tests/fakes/frames.ts";
import { fakeIncoming } from "../../tests/fakes/incoming.ts";
import { flushPromises, ManualClock } from "../../tests/fakes/manual_clock.ts";
import { RecordedLog } from "../../tests/fakes/recorded_log.ts";
import { createAgent } from "./agent.ts";
import type { BootGuard } from "./boot_guard/command.ts";
import { RedirectReconciler } from "./redirect/redirect_reconciler.ts";
import { TokenKeyRing } from "./imds/token_keys.ts";

const roles = "/latest/meta-data/iam/security-credentials/";

function setUp({ bootGuard = null }: { bootGuard?: BootGuard | null } = {}) {
  const clock = new ManualClock();
  const log = new RecordedLog();
  const server = new FakeAgentServer();
  const reports: unknown[] = [];
  server.answer = (path, body) => {
    if (path !== "/v1/agent") return new Response("unknown", { status: 404 });
    reports.push(JSON.parse(body ?? ""));
    return new Response(null, { status: 204 });
  };
  const redirect = new RedirectReconciler({
    clock,
    log,
    guard: { ensure: () => Promise.resolve(false) },
    choose: () =>
      Promise.resolve({ kind: "nftables", ensure: () => Promise.resolve(false) } as const),
    cutFlows: () => Promise.resolve(0),
    watch: (_changed, signal) => aborted(signal),
    removeOthers: () => Promise.resolve({ removed: [], problems: [] }),
  });
  const agent = createAgent({
    settings: agentSettings,
    about: { version: "1.2.3", runtime: "test" },
    clock,
    log,
    random: () => 0,
    access: () =>
      Promise.resolve({ client: server, token: { text: "secret-token", expiresAt: null } }),
    resolve: () => Promise.resolve(["10.0.1.1"]),
    upstream: () => Promise.resolve(replyOf(new Response("i-1"))),
    tokenKeys: new TokenKeyRing({ random: (bytes) => new Uint8Array(bytes) }),
    redirect,
    bootGuard,
    kernel: null,
    runtime: null,
  });
  const stop = new AbortController();
  const running = agent.run(stop.signal);
  const end = async () => {
    stop.abort();
    await running;
    await flushPromises();
  };
  const page = async (path: string) => {
    const response = await agent.admin.request(path);
    return { status: response.status, text: await response.text() };
  };
  return { agent, clock, log, server, reports, redirect, page, end };
}

/** Status and body of an answer to a pod. */
async function send(agent: ReturnType<typeof createAgent>, peer: string, target: string) {
  const answer = await agent.front(fakeIncoming({ peer, target }));
  const { body } = answer;
  return `${answer.status} ${
    typeof body === "string" ? body : new TextDecoder().decode(body as Uint8Array)
  }`;
}

test("from start to ready: rules, connection, snapshot, answers", async () => {
  const { agent, clock, server, redirect, page, reports, end } = setUp();
  assert.deepEqual(agent.missing(), [
    "redirect: not in place yet",
    "server: no connection to the server yet",
  ]);
  assert.equal((await page("/readyz")).status, 503);
  await redirect.check();
  await clock.advance(1);
  const whole = "server: connected to 10.0.1.1, but its snapshot isn't complete yet\n" +
    "identity: address\n";
  assert.deepEqual(await page("/readyz"), { status: 503, text: whole });

  const reader = roleFrame("a", { expiresAt: clock.now() + 3_600_000 }, { ips: ["10.0.0.7"] });
  const host = podFrame("b", { ips: ["10.0.0.1"] });
  server.streams[0]?.send(reader, host, { type: "synced" }, { type: "ping", watchAgeSeconds: 1 });
  await flushPromises();
  assert.deepEqual(await page("/readyz"), { status: 200, text: "ok\nidentity: address\n" });
  assert.equal(await send(agent, "10.0.0.7", roles), "200 reader");
  assert.match(await send(agent, "10.0.0.7", `${roles}reader`), /"AccessKeyId" : "a\/identity"/);
  await clock.advance(1000);
  const seenAt = "2026-01-01T00:00:00Z";
  assert.deepEqual(reports.at(-1), {
    withoutToken: [{ uid: "a", at: seenAt }],
    withoutTokenSince: seenAt,
    version: "1.2.3",
    ready: true,
    redirect: { kind: "nftables", inPlace: true, repairs: 0, guarded: true },
    assignments: 2,
    identity: "address",
  });
  await end();
  assert.equal(clock.pending(), 0);
});

test("an unknown pod waits, its address is read directly, then 503", async () => {
  const { agent, clock, server, end } = setUp();
  await clock.advance(1);
  server.streams[0]?.send({ type: "synced" }, { type: "ping", watchAgeSeconds: 1 });
  await flushPromises();
  const pending = send(agent, "10.0.0.9", roles);
  await clock.advance(1000);
  assert.match(await pending, /^503 /);
  assert.ok(server.requested.includes("10.0.1.1 GET /v1/pods/by-ip/10.0.0.9"));
  await end();
});

test("metrics cover requests, assignments, stream and redirect, and contain no secret", async () => {
  const { agent, clock, server, redirect, page, log, end } = setUp();
  await redirect.check();
  await clock.advance(1);
  server.streams[0]?.send(
    roleFrame("a", { expiresAt: clock.now() + 3_600_000 }, { ips: ["10.0.0.7"] }),
    { type: "synced" },
    { type: "ping", watchAgeSeconds: 1 },
  );
  await flushPromises();
  await send(agent, "10.0.0.7", roles);
  const { text } = await page("/metrics");
  const lines = [
    'rolecall_agent_build_info{version="1.2.3",runtime="test"} 1',
    'rolecall_agent_requests_total{handler="roles",code="200"} 1',
    "rolecall_agent_assignments 1",
    "rolecall_agent_stream_connected 1",
    "rolecall_agent_last_frame_age_seconds 0",
    "rolecall_agent_assignments_confirmed 1",
    'rolecall_agent_redirect_in_place{kind="nftables"} 1',
    "rolecall_agent_redirect_repairs_total 0",
    "rolecall_agent_route_guard_in_place 1",
    "rolecall_agent_route_guard_repairs_total 0",
    "rolecall_agent_ready 1",
  ];
  for (const line of lines) assert.ok(text.includes(`${line}\n`), line);
  assert.ok(![text, log.text()].some((written) => /secret-token|"secret"/.test(written)));
  await end();
});

// what the init container reported; in the report to the server, in readyz and as a metric
const bootGuards = [
  [null, undefined, "", "-1"],
  [{ problem: null }, true, "boot guard: unit in place\n", "1"],
  [{ problem: "boot guard: EROFS" }, false, "boot guard: EROFS\n", "0"],
] as const;

for (const [bootGuard, reported, note, value] of bootGuards) {
  test(`boot guard ${JSON.stringify(bootGuard)}: reported, in readyz and a metric`, async () => {
    const { clock, page, reports, end } = setUp({ bootGuard });
    await clock.advance(1001);
    assert.equal((reports.at(-1) as AgentReport).closedFromBoot, reported);
    assert.ok((await page("/readyz")).text.endsWith(`identity: address\n${note}`));
    const { text } = await page("/metrics");
    assert.ok(text.includes(`rolecall_agent_boot_guard_in_place ${value}\n`));
    await end();
  });
}

test("livez answers, other paths don't", async () => {
  const { page, end } = setUp();
  assert.deepEqual(await page("/livez"), { status: 200, text: "ok\n" });
  assert.equal((await page("/debug")).status, 404);
  await end();
});

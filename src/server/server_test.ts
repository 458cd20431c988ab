import assert from "node:assert/strict";
import { test } from "node:test";
import { fakeCredentials } from "../../tests/fakes/credential_cache.ts";
import { namespaceFacts, podFacts, serviceAccountFacts } from "../../tests/fakes/facts.ts";
import { jwt } from "../../tests/fakes/jwt.ts";
import { flushPromises, ManualClock } from "../../tests/fakes/manual_clock.ts";
import { keptLog } from "../../tests/fakes/quiet_log.ts";
import { agentRow, podRow, summary } from "../../tests/fakes/summaries.ts";
import type { PodFacts, RoleIdentity } from "../policy/facts.ts";
import { type AssignFrame, decodeFrame, type Frame } from "../protocol/frames.ts";
import { parseServerConfig } from "./config.ts";
import type { ObjectEvent } from "./assignments/object_events.ts";
import type { ReadCallerArns } from "./credentials/own_identity.ts";
import type { TokenVerdict } from "./ports.ts";
import { createServer, type ServerOptions } from "./server.ts";
import { noReplicas } from "./status/data/replicas.ts";
import { createStatusApp } from "./status/status_app.ts";

const account = "111122223333";
const readerArn = `arn:aws:iam::${account}:role/reader`;
const agentName = "rolecall-agent-x";
const agentPod = podFacts({
  uid: "agent-uid",
  namespace: "rolecall",
  name: agentName,
  serviceAccount: "rolecall-agent",
  hostNetwork: true,
});
const webPod = podFacts({ role: "reader" });
const genuine: TokenVerdict = {
  kind: "authenticated",
  username: "system:serviceaccount:rolecall:rolecall-agent",
  groups: ["system:serviceaccounts"],
  audiences: ["rolecall-server"],
  podName: agentName,
  podUid: "agent-uid",
  nodeName: "n1",
};

function tokenFor(audience: string): string {
  return jwt({ aud: [audience], exp: Date.UTC(2026, 0, 1) / 1000 + 7200, sub: "s" });
}

const peer = { peer: "127.0.0.1" };
const authorization = `Bearer ${tokenFor("rolecall-server")}`;

interface World {
  readonly pods?: readonly PodFacts[];
  readonly flags?: readonly string[];
  readonly parts?: Partial<ServerOptions>;
}

/** A server that has its lists, knows its AWS account, and has an STS that answers at once. */
async function started({ pods = [agentPod, webPod], flags = [], parts = {} }: World = {}) {
  const config = parseServerConfig(flags, {});
  assert.ok(config.kind === "parsed", JSON.stringify(config));
  const clock = new ManualClock();
  const { log, lines } = keptLog();
  const events: ObjectEvent[] = [];
  const stop = new AbortController();
  let issued = 0;
  const server = createServer({
    settings: config.settings,
    about: { version: "1", runtime: "test", replica: "server-0" },
    clock,
    random: () => 0.5,
    log,
    assumeRole: () => Promise.resolve(fakeCredentials(`KEY${++issued}`, clock.now())),
    requestToken: () => Promise.resolve({ kind: "token", token: "t" }),
    tokenFenceProblem: () => Promise.resolve(null),
    readCallerArns: () => Promise.resolve([`arn:aws:sts::${account}:assumed-role/server/i-1`]),
    reviewToken: () => Promise.resolve(genuine),
    reviewAccess: () => Promise.resolve(false),
    ownPod: null,
    readPodsByAddress: () => Promise.resolve([]),
    eventSink: (event) => Promise.resolve(void events.push(event)),
    watches:
      () => [{ resource: "pods", synced: true, ageSeconds: 2, restarts: 0, lastError: null }],
    certificate: () => ({ expiresAt: clock.now() + 1000, problem: null }),
    ownUsername: () => Promise.resolve("system:serviceaccount:rolecall:rolecall-server"),
    replicas: noReplicas,
    agentReady: () => {},
    ...parts,
  });
  const running = server.run(stop.signal);
  server.index.namespaces.replace([namespaceFacts(), namespaceFacts({ name: "rolecall" })]);
  server.index.serviceAccounts.replace([]);
  server.index.pods.replace(pods);
  await flushPromises();
  const send = (path: string, init: RequestInit = {}) =>
    server.app.request(path, { headers: { authorization }, ...init }, { peer: "10.0.0.1" });
  return { ...server, clock, lines, events, stop, running, send };
}

type Started = Awaited<ReturnType<typeof started>>;

async function stream(server: Started) {
  const response = await server.send("/v1/assignments");
  assert.equal(response.status, 200, await (response.ok ? "" : response.text()));
  assert.equal(response.headers.get("content-type"), "application/x-ndjson");
  const reader = response.body!.getReader();
  const frames = async (): Promise<Frame[]> => {
    const { value } = await reader.read();
    return new TextDecoder().decode(value).trimEnd().split("\n").filter((line) => line !== "")
      .map((line) => decodeFrame(line)!);
  };
  return { frames, reader };
}

/** Reads all the time, as agents do; the frames are added as they come. */
async function followed(server: Started): Promise<Frame[]> {
  const { frames } = await stream(server);
  const seen: Frame[] = [];
  const read = async () => {
    for (let next = await frames(); next.length > 0; next = await frames()) seen.push(...next);
  };
  void read();
  await flushPromises();
  return seen;
}

function assigned(frames: readonly Frame[], uid: string): AssignFrame | undefined {
  return frames.find((frame) => frame.type === "assign" && frame.pod.uid === uid) as AssignFrame;
}

/** Pods of 50 ServiceAccounts in 10 namespaces, all of one role, on one node. */
const manyPods = Array.from({ length: 1000 }, (_, at) =>
  podFacts({
    uid: `uid-${at}`,
    name: `pod-${at}`,
    namespace: `team-${at % 10}`,
    serviceAccount: `account-${Math.floor(at / 10) % 5}`,
    role: "reader",
  }));

for (const [trustRoles, calls] of [[false, 50], [true, 60]] as const) {
  test(`server: 1,000 pods of 50 ServiceAccounts in 10 namespaces cost ${calls} STS calls`, async () => {
    const requested: RoleIdentity[] = [];
    const server = await started({
      pods: [agentPod, ...manyPods],
      flags: [
        "--cluster-name=prod",
        "--external-id={cluster}/{namespace}/{serviceAccount}",
        "--session-tags=kubernetes-namespace,kubernetes-service-account,eks-cluster-name",
        "--source-identity={namespace}.{serviceAccount}",
        `--assume-role-permitted=arn:aws:iam::${account}:role/trust-{namespace}`,
      ],
      parts: {
        assumeRole: (identity) => {
          requested.push(identity);
          return Promise.resolve(fakeCredentials(`KEY${requested.length}`, Date.UTC(2026, 0, 1)));
        },
      },
    });
    for (let team = 0; team < 10; team++) {
      const name = `team-${team}`;
      const assumeRole = trustRoles ? `trust-${name}` : null;
      server.index.namespaces.upsert(namespaceFacts({ name, assumeRole }));
    }
    const seen = await followed(server);
    await server.clock.advance(60_000);
    assert.equal(requested.length, calls);
    const ready = new Set(
      seen.flatMap((frame) =>
        frame.type === "assign" && frame.role?.credentials ? [frame.pod.uid] : []
      ),
    );
    assert.equal(ready.size, 1000);
  });
}

test("server: with ServiceAccounts' tokens it looks for no credentials until a namespace needs them", async () => {
  let lookedUp = 0;
  const server = await started({
    flags: ["--assume-with=service-account", `--role-base-arn=arn:aws:iam::${account}:role/`],
    parts: {
      readCallerArns: () => {
        lookedUp++;
        return Promise.resolve([`arn:aws:sts::${account}:assumed-role/server/i-1`]);
      },
    },
  });
  const seen = await followed(server);
  await server.clock.advance(60_000);
  assert.deepEqual(server.missing(), []);
  assert.ok(seen.some((frame) => frame.type === "assign" && frame.role?.credentials));
  assert.equal(lookedUp, 0);
  server.index.namespaces.upsert(namespaceFacts({ assumeWith: "server" }));
  await server.clock.advance(1000);
  assert.equal(lookedUp, 1);
});

test("server: a ServiceAccount that comes back has its session again within a second", async () => {
  const issued = ["ASIAKEY1", "ASIAKEY2"];
  let gone = false;
  const server = await started({
    flags: ["--assume-with=service-account", `--role-base-arn=arn:aws:iam::${account}:role/`],
    parts: {
      requestToken: () => Promise.resolve(gone ? { kind: "gone" } : { kind: "token", token: "t" }),
    },
  });
  const seen = await followed(server);
  const keys = () =>
    seen.flatMap((frame) => {
      return frame.type === "assign" && frame.role?.credentials
        ? [frame.role.credentials.accessKeyId]
        : [];
    });
  await server.clock.advance(1000);
  gone = true;
  await server.clock.advance(90 * 60_000);
  assert.deepEqual(keys(), issued.slice(0, 1), "nothing more, and nothing else");
  gone = false;
  server.index.serviceAccounts.upsert(serviceAccountFacts());
  await server.clock.advance(1000);
  assert.deepEqual(keys(), issued);
});

test("server: a tightened session policy is another identity, so agents drop what they hold", async () => {
  const server = await started();
  const seen = await followed(server);
  await server.clock.advance(1000);
  const before = seen.length;
  const sessionPolicy = '{"Statement":{"Effect":"Deny","Action":"s3:*","Resource":"*"}}';
  server.index.namespaces.upsert(namespaceFacts({ sessionPolicy }));
  await server.clock.advance(0);
  const first = assigned(seen.slice(0, before), "uid-web")?.role;
  const then = assigned(seen.slice(before), "uid-web")?.role;
  assert.notEqual(then?.identity, first?.identity);
  assert.equal(then?.credentials, undefined, "pending, under the new identity");
});

test("server: a pod's role is pushed as pending, then its credentials", async () => {
  const server = await started();
  const { frames } = await stream(server);
  const snapshot = await frames();
  assert.deepEqual(assigned(snapshot, "agent-uid")?.role, null);
  assert.equal(assigned(snapshot, "uid-web")?.role?.arn, readerArn);
  assert.equal(assigned(snapshot, "uid-web")?.role?.credentials, undefined);
  const ping = { type: "ping", watchAgeSeconds: 2, sentAfterSeconds: 0 };
  assert.deepEqual(snapshot.slice(-2), [{ type: "synced" }, ping]);
  const next = frames();
  await server.clock.advance(0);
  assert.equal(assigned(await next, "uid-web")?.role?.credentials?.accessKeyId, "ASIAKEY1");
  server.stop.abort();
  await server.running;
});

test("server: each credential a pod gets is one line of the log, without secrets", async () => {
  const server = await started();
  await followed(server);
  await server.clock.advance(0);
  const issued = server.lines.filter((line) => line.message === "credentials issued");
  assert.deepEqual(issued.map((line) => line.fields), [{
    podUid: "uid-web",
    pod: "shop/web",
    serviceAccount: "default",
    node: "n1",
    roleArn: readerArn,
    sessionName: "shop.default",
    accessKeyId: "ASIAKEY1",
    expiration: "2026-01-01T01:00:00Z",
  }]);
  await server.clock.advance(30 * 60_000);
  const text = JSON.stringify(server.lines);
  assert.match(text, /ASIAKEY2/);
  assert.doesNotMatch(text, /secret-|session-KEY/);
});

test("server: the log's line has what else CloudTrail shows, and no external ID", async () => {
  const server = await started({
    flags: [
      "--external-id={namespace}/{serviceAccount}",
      "--session-tags=kubernetes-namespace",
      "--source-identity={namespace}.{serviceAccount}",
      `--assume-role-permitted=arn:aws:iam::${account}:role/trust-{namespace}`,
    ],
  });
  server.index.namespaces.upsert(namespaceFacts({
    assumeRole: "trust-shop",
    sessionPolicyArns: "arn:aws:iam::aws:policy/ReadOnlyAccess",
    sessionPolicy: '{"Statement":{"Effect":"Deny","Action":"s3:*","Resource":"*"}}',
  }));
  await followed(server);
  await server.clock.advance(0);
  const issued = server.lines.filter((line) => line.message === "credentials issued");
  const { podUid: _uid, pod: _pod, node: _node, ...fields } = issued[0]!.fields as
    & object
    & Record<string, unknown>;
  assert.deepEqual(fields, {
    serviceAccount: "default",
    roleArn: readerArn,
    sessionName: "shop.default",
    assumedBy: `arn:aws:iam::${account}:role/trust-shop`,
    externalIdSent: true,
    sourceIdentity: "shop.default",
    sessionTags: { "kubernetes-namespace": "shop" },
    sessionPolicyArns: ["arn:aws:iam::aws:policy/ReadOnlyAccess"],
    sessionPolicySent: true,
    accessKeyId: "ASIAKEY2",
    expiration: "2026-01-01T01:00:00Z",
  });
  const received = JSON.stringify([server.lines, server.events, server.summary()]);
  assert.doesNotMatch(received, /shop\/default/);
  const trustRole = server.summary().roles.find(({ arn }) => arn.endsWith("/trust-shop"));
  assert.deepEqual([trustRole?.holders, trustRole?.assumedBy], [1, null]);
});

// pod and namespace, the Event's reason
const deniedFor = [
  [{ externalId: "other" }, {}, "RoleDenied"],
  [{}, { externalId: "bank/default" }, "RoleDenied"],
  [{}, { assumeRole: "trust-bank" }, "RoleDenied"],
  [{ sessionPolicyArns: "x" }, {}, "RoleInvalid"],
  [{}, { sessionPolicy: "x" }, "RoleInvalid"],
] as const;

for (const [pod, namespace, reason] of deniedFor) {
  test(`server: ${JSON.stringify({ ...pod, ...namespace })}: an Event ${reason}`, async () => {
    const server = await started({
      pods: [agentPod, { ...webPod, ...pod }],
      flags: ["--external-id={namespace}/{serviceAccount}"],
    });
    server.index.namespaces.upsert(namespaceFacts(namespace));
    const frames = await followed(server);
    await server.clock.advance(0);
    const { denied } = assigned(frames, "uid-web") ?? {};
    const events = server.events.map((event) => `${event.reason}: ${event.message}`);
    assert.deepEqual(events, [`${reason}: ${denied?.message}`]);
  });
}

test("server: one Event for readiness, one for a denial", async () => {
  const denied = podFacts({ uid: "d", name: "d", namespace: "shut", role: "reader" });
  const server = await started({ pods: [agentPod, webPod, denied] });
  server.index.namespaces.upsert(namespaceFacts({ name: "shut", permitted: null }));
  await followed(server);
  await server.clock.advance(40 * 60_000);
  server.index.pods.upsert({ ...denied, ips: ["10.0.0.9"] });
  await flushPromises();
  const received = server.events.map((event) =>
    `${event.type} ${event.reason} ${event.subject.name}`
  );
  assert.deepEqual(received.sort(), ["Normal CredentialsReady web", "Warning RoleDenied d"]);
});

test("server: the summary has a denied pod's requested role, truncated", async () => {
  const denied = podFacts({ uid: "d", name: "d", namespace: "shut", role: "reader" });
  const endless = { ...denied, uid: "e", name: "e", role: "r".repeat(100_000) };
  const server = await started({ pods: [agentPod, denied, endless] });
  const requested = server.summary().pods.map((pod) => [pod.name, pod.requested?.length ?? 0]);
  assert.deepEqual(Object.fromEntries(requested), {
    [agentPod.name]: 0,
    d: "reader".length,
    e: 700,
  });
});

test("server: a namespace's unreadable expression is an Event on the namespace", async () => {
  const server = await started();
  server.index.namespaces.upsert(namespaceFacts({ permitted: "a(" }));
  await flushPromises();
  const { subject, reason } = server.events[0]!;
  assert.deepEqual([reason, subject], [
    "PermittedInvalid",
    { kind: "Namespace", name: "shop", namespace: "shop" },
  ]);
});

test("server: streams wait for the lists, and at most 15 s for the AWS account", async () => {
  const unknown = () => Promise.reject(new Error("no credentials in chain"));
  const server = await started({ parts: { readCallerArns: unknown } });
  const early = await server.send("/v1/assignments");
  assert.deepEqual([early.status, early.headers.get("retry-after")], [503, "1"]);
  await server.clock.advance(15_000);
  const { frames } = await stream(server);
  assert.equal(assigned(await frames(), "uid-web")?.denied?.reason, "RoleBaseUnknown");
  assert.deepEqual(server.events.map(({ reason }) => reason), ["CredentialsFailed"]);
});

test("server: once the AWS account is known, pods that waited for it are decided again", async () => {
  let known = false;
  const arn = `arn:aws-cn:sts::${account}:assumed-role/server/i-1`;
  const readCallerArns: ReadCallerArns = () =>
    known ? Promise.resolve([arn]) : Promise.reject(new Error("not yet"));
  const server = await started({ parts: { readCallerArns } });
  await server.clock.advance(15_000);
  const seen = await followed(server);
  assert.equal(assigned(seen, "uid-web")?.denied?.reason, "RoleBaseUnknown");
  seen.length = 0;
  known = true;
  await server.clock.advance(30_000);
  assert.equal(assigned(seen, "uid-web")?.role?.arn, `arn:aws-cn:iam::${account}:role/reader`);
});

for (const assumeWith of ["server", "service-account"]) {
  test(`server: no role is assumed before the server's own are known, with assume-with: ${assumeWith}`, () =>
    assertWaitsForOwnRoles(assumeWith));
}

async function assertWaitsForOwnRoles(assumeWith: string) {
  const identity = Promise.withResolvers<readonly [string]>();
  const called: string[] = [];
  const server = await started({
    pods: [
      agentPod,
      podFacts({ uid: "a", role: "server" }),
      podFacts({ uid: "b", role: "reader" }),
    ],
    flags: [`--role-base-arn=arn:aws:iam::${account}:role/`],
    parts: {
      readCallerArns: () => identity.promise,
      assumeRole: ({ arn }) => {
        called.push(arn);
        return Promise.resolve(fakeCredentials("KEY", Date.UTC(2026, 0, 1)));
      },
    },
  });
  server.index.namespaces.upsert(namespaceFacts({ assumeWith }));
  const seen = await followed(server);
  await server.clock.advance(60_000);
  assert.equal(assigned(seen, "a")?.role?.arn, `arn:aws:iam::${account}:role/server`);
  assert.deepEqual(called, []);
  seen.length = 0;
  identity.resolve([`arn:aws:sts::${account}:assumed-role/server/i-1`]);
  await server.clock.advance(1000);
  assert.equal(assigned(seen, "a")?.denied?.reason, "RoleReserved");
  assert.deepEqual(called, [readerArn]);
}

test("server: an AWS identity of unknown form is logged, and everything else works", async () => {
  const server = await started({
    flags: [`--role-base-arn=arn:aws:iam::${account}:role/`],
    parts: { readCallerArns: () => Promise.resolve(["arn:aws:sts::1:odd/thing"]) },
  });
  const seen = await followed(server);
  await server.clock.advance(1000);
  assert.deepEqual(server.missing(), []);
  assert.ok(server.lines.some(({ message }) => message.includes("unknown form")));
  const given = seen.findLast((frame) => frame.type === "assign" && frame.pod.uid === "uid-web");
  assert.ok(given?.type === "assign" && given.role?.credentials);
});

test("server: no pod gets the roles that the server runs as", async () => {
  const server = await started({
    pods: [agentPod, podFacts({ uid: "a", role: "server" }), podFacts({ uid: "b", role: "hop" })],
    parts: {
      readCallerArns: () =>
        Promise.resolve([
          `arn:aws:sts::${account}:assumed-role/hop/rolecall`,
          `arn:aws:sts::${account}:assumed-role/server/i-1`,
        ]),
    },
  });
  const seen = await followed(server);
  const reasons = ["a", "b"].map((uid) => assigned(seen, uid)?.denied?.reason);
  assert.deepEqual(reasons, ["RoleReserved", "RoleReserved"]);
});

test("server: an agent gets its own node's pods only", async () => {
  const elsewhere = podFacts({ uid: "far", nodeName: "n2", role: "reader" });
  const server = await started({ pods: [agentPod, webPod, elsewhere] });
  const { frames } = await stream(server);
  assert.equal(assigned(await frames(), "far"), undefined);
  assert.equal((await server.send("/v1/pods/by-ip/10.0.0.7")).status, 200);
});

// what happens, how the stream then ends
const endings: [string, (server: Started) => void | Promise<void>][] = [
  ["the agent's pod is gone", (server) => server.index.pods.remove("agent-uid")],
  [
    "the agent's pod has ended",
    (server) => server.index.pods.upsert({ ...agentPod, terminal: true }),
  ],
  ["the token has expired", (server) => server.clock.advance(7_200_000)],
  ["the server stops", (server) => server.stop.abort()],
];

for (const [name, happens] of endings) {
  test(`server: a stream ends when ${name}`, async () => {
    const server = await started();
    const { reader } = await stream(server);
    const drained = (async () => {
      for (let next = await reader.read(); !next.done; next = await reader.read());
      return "ended";
    })();
    await flushPromises();
    await happens(server);
    assert.equal(await drained, "ended");
    assert.equal(server.summary().agents.some((agent) => agent.connectedAt !== null), false);
  });
}

test("server: a stopping server accepts no stream, so agents go to another replica", async () => {
  const server = await started();
  server.stop.abort();
  await server.running;
  assert.equal((await server.send("/v1/assignments")).status, 503);
  assert.equal((await server.admin.request("/readyz")).status, 503);
});

test("server: an agent has four streams at most; the oldest is closed", async () => {
  const server = await started();
  const first = await stream(server);
  await first.frames();
  for (let i = 0; i < 4; i++) await stream(server);
  assert.equal((await first.reader.read()).done, true);
});

const readPod = podFacts({ uid: "read", name: "read", role: "reader", ips: ["10.0.0.99"] });

// name, pods as the API has them, address requested, status
const reads: [string, PodFacts[], string, number][] = [
  ["an address of the index", [], "10.0.0.7", 200],
  ["an address that only the API knows", [readPod], "10.0.0.99", 200],
  ["an address of no pod", [], "10.0.0.98", 404],
  ["an address of another node's pod", [{ ...readPod, nodeName: "n2" }], "10.0.0.99", 404],
  ["two claims", [readPod, { ...readPod, uid: "second" }], "10.0.0.99", 409],
  ["no address", [], "10.0.0", 400],
  ["an octal address", [], "010.0.0.7", 400],
];

for (const [name, pods, ip, status] of reads) {
  test(`GET /v1/pods/by-ip: ${name}: ${status}`, async () => {
    const server = await started({ parts: { readPodsByAddress: () => Promise.resolve(pods) } });
    const response = await server.send(`/v1/pods/by-ip/${ip}`);
    assert.equal(response.status, status);
    if (status !== 200) return assert.match(await response.text(), /^[^\n]+\n$/);
    const frame = decodeFrame((await response.text()).trimEnd());
    assert.deepEqual(frame?.type === "assign" && frame.pod.ips, [ip]);
  });
}

test("GET /v1/pods/by-ip: at most 20 per second, and a miss is cached for 2 s", async () => {
  let requested = 0;
  const readPodsByAddress = () => Promise.resolve((requested++, []));
  const server = await started({ parts: { readPodsByAddress } });
  const statuses = [];
  for (let i = 0; i < 21; i++) statuses.push((await server.send("/v1/pods/by-ip/10.9.9.9")).status);
  assert.deepEqual([statuses[0], statuses[19], statuses[20], requested], [404, 404, 429, 1]);
  await server.clock.advance(2_001);
  await server.send("/v1/pods/by-ip/10.9.9.9");
  assert.equal(requested, 2);
});

test("GET /v1/pods/by-ip: 503 while the API server is down", async () => {
  const readPodsByAddress = () => Promise.reject(new Error("away"));
  const server = await started({ parts: { readPodsByAddress } });
  assert.equal((await server.send("/v1/pods/by-ip/10.9.9.9")).status, 503);
});

test("POST /v1/agent: requests without a token, of pods on the agent's own node only", async () => {
  const far = podFacts({ uid: "uid-far", name: "far", nodeName: "n2" });
  const server = await started({ pods: [agentPod, webPod, far] });
  const [early, late] = ["2026-01-01T00:00:00Z", "2026-01-01T00:05:00Z"];
  const post = async (at: string) => {
    const withoutToken = [...["uid-web", "uid-far", "uid-none"].map((uid) => ({ uid, at }))];
    const redirect = { kind: "iptables", inPlace: true, repairs: 0 };
    const report = { version: "1", ready: true, redirect, assignments: 1, withoutToken };
    const body = JSON.stringify(report);
    const response = await server.send("/v1/agent", {
      method: "POST",
      headers: { authorization },
      body,
    });
    assert.equal(response.status, 204);
  };
  await post(late);
  await post(early);
  await post("no time");
  const last = server.summary().pods.map(({ name, lastWithoutToken }) => [name, lastWithoutToken]);
  assert.deepEqual(Object.fromEntries(last), { [agentName]: null, web: late, far: null });
  const found = await server.statusApp.request("/api/pods/shop/web", local, peer);
  assert.match(await found.text(), /last request without a token \(IMDSv1\): 2026-01-01T00:05:00Z/);
  server.index.pods.remove("uid-web");
  server.index.pods.upsert(webPod);
  assert.equal(server.summary().pods.find(({ name }) => name === "web")?.lastWithoutToken, null);
});

test("POST /v1/agent: kept for the summary; a ready agent is passed on", async () => {
  const ready: string[] = [];
  const server = await started({ parts: { agentReady: (node) => ready.push(node) } });
  const redirect = { kind: "iptables", inPlace: true, repairs: 0 };
  const post = (body: unknown) =>
    server.send("/v1/agent", {
      method: "POST",
      body: JSON.stringify(body),
      headers: { authorization },
    });
  const report = { version: "1", ready: false, redirect, assignments: 3 };
  assert.equal((await post(report)).status, 204);
  assert.deepEqual([server.summary().agents[0]?.report, ready], [report, []]);
  await post({ ...report, ready: true });
  assert.deepEqual(ready, ["n1"]);
  assert.equal((await post({ version: 1 })).status, 400);
  assert.equal((await post({ version: "x".repeat(20_000) })).status, 413);
});

// name, what the API says of the pod's token, status
const podTokens: [string, Partial<TokenVerdict>, number][] = [
  ["a pod of the node", {}, 200],
  ["a pod of another node", { podUid: "far" }, 401],
  ["a pod that isn't there", { podUid: "gone" }, 401],
  ["a token without a pod", { podUid: null }, 401],
  ["another audience", { audiences: ["other"] }, 401],
];

for (const [name, changes, status] of podTokens) {
  test(`POST /v1/pod-tokens: ${name}: ${status}`, async () => {
    const verdict = { ...genuine, podUid: "uid-web", audiences: ["rolecall-pod"], ...changes };
    const server = await started({
      pods: [agentPod, webPod, podFacts({ uid: "far", nodeName: "n2" })],
      parts: {
        reviewToken: (_token, audience) =>
          Promise.resolve(audience === "rolecall-pod" ? verdict as TokenVerdict : genuine),
      },
    });
    const body = JSON.stringify({ token: tokenFor("rolecall-pod") });
    const response = await server.send("/v1/pod-tokens", {
      method: "POST",
      body,
      headers: { authorization },
    });
    assert.equal(response.status, status);
    if (status === 200) assert.deepEqual(await response.json(), { uid: "uid-web" });
  });
}

test("GET /v1/summary: only for the server's own ServiceAccount, without secrets", async () => {
  let username = "system:serviceaccount:rolecall:rolecall-agent";
  const reviewToken = () => Promise.resolve({ ...genuine, username } as TokenVerdict);
  const server = await started({ parts: { reviewToken } });
  await stream(server);
  await server.clock.advance(0);
  assert.equal((await server.send("/v1/summary")).status, 403);
  username = "system:serviceaccount:rolecall:rolecall-server";
  const own = { headers: { authorization: `${authorization}x` } };
  const text = await (await server.send("/v1/summary", own)).text();
  const web = JSON.parse(text).pods.find((pod: { uid: string }) => pod.uid === "uid-web");
  assert.deepEqual([web.state, web.roleArn, web.accessKeyId], ["ready", readerArn, "ASIAKEY1"]);
  assert.doesNotMatch(text, /secret-|session-KEY/);
});

// method, path, status
const strays = [
  ["GET", "/", 404],
  ["GET", "/v1/assignments/", 404],
  ["PUT", "/v1/agent", 405],
  ["HEAD", "/v1/assignments", 405],
  ["GET", "/v1/agent", 404],
] as const;

for (const [method, path, status] of strays) {
  test(`server: ${method} ${path}: ${status}`, async () => {
    const server = await started();
    assert.equal((await server.send(path, { method, headers: { authorization } })).status, status);
  });
}

test("readyz: names what is missing, a line each", async () => {
  const server = await started({
    parts: {
      readCallerArns: () => Promise.reject(new Error("no credentials\nin chain")),
      certificate: () => ({ expiresAt: null, problem: "Secret a/b: forbidden" }),
    },
  });
  const response = await server.admin.request("/readyz");
  assert.equal(response.status, 503);
  assert.deepEqual((await response.text()).trimEnd().split("\n"), [
    "certificate: Secret a/b: forbidden",
    "AWS credentials: no credentials in chain",
  ]);
  assert.equal((await server.admin.request("/livez")).status, 200);
});

test("metrics: what the server knows, decides, holds and did", async () => {
  const server = await started();
  assert.equal((await server.admin.request("/readyz")).status, 200);
  await stream(server);
  await server.clock.advance(0);
  const text = await (await server.admin.request("/metrics")).text();
  const lines = [
    'rolecall_server_build_info{version="1",runtime="test"} 1',
    'rolecall_server_watch_age_seconds{resource="pods"} 2',
    "rolecall_server_pods 2",
    'rolecall_server_decisions{outcome="ready",reason=""} 1',
    'rolecall_server_decisions{outcome="none",reason=""} 1',
    'rolecall_server_credentials{state="ready"} 1',
    'rolecall_server_sts_calls_total{outcome="ok"} 1',
    "rolecall_server_agents_connected 1",
    'rolecall_server_requests_total{route="/v1/assignments",code="200"} 1',
    'rolecall_server_events_total{outcome="sent"} 1',
  ];
  for (const line of lines) assert.ok(text.includes(line + "\n"), `${line}\n---\n${text}`);
});

// Host, status
const hosts = [
  ["127.0.0.1:9622", 200],
  ["localhost:9622", 200],
  ["[::1]:9622", 200],
  ["evil.example:9622", 403],
  ["127.0.0.1.evil.example", 403],
  ["", 403],
] as const;

for (const [host, status] of hosts) {
  test(`GET /api/summary with Host ${JSON.stringify(host)}: ${status}`, async () => {
    const server = await started();
    const response = await server.statusApp.request("/api/summary", { headers: { host } }, peer);
    assert.equal(response.status, status);
  });
}

const local = { headers: { host: "localhost:9622" } };

test("GET /api/pods/NAMESPACE/NAME: step by step, up to the agent", async () => {
  const server = await started();
  const explain = async (name: string) => {
    const response = await server.statusApp.request(`/api/pods/${name}`, local, peer);
    return response.status === 200 ? await response.json() : response.status;
  };
  assert.equal((await explain("shop/web")).reason, "AgentAbsent");
  await stream(server);
  await server.clock.advance(0);
  const found = await explain("shop/web");
  assert.equal(found.outcome, "credentials");
  assert.match(found.steps[5].found, /^access key ASIAKEY1 until 2026-/);
  assert.equal((await explain("rolecall/rolecall-agent-x")).outcome, "none");
  assert.equal(await explain("shop/none"), 404);
});

test("GET /api/pods: 503 before pods are listed, not 404", async () => {
  const app = createStatusApp({
    access: () => Promise.resolve(null),
    failed: (error) => assert.fail(error),
    summary: () => assert.fail("asked"),
    explanation: () => assert.fail("asked"),
    renew: () => assert.fail("asked"),
    unlisted: () => ["pods"],
    clock: new ManualClock(),
    signal: new AbortController().signal,
  });
  const response = await app.request("/api/pods/shop/web", local, peer);
  assert.deepEqual([response.status, await response.text()], [503, "not listed yet: pods\n"]);
});

test("GET /api/…: what another replica has counts too", async () => {
  const requested: unknown[] = [];
  const row = podRow({ uid: "uid-web", accessKeyId: "ASIAOTHER" });
  const other = summary({ replica: "server-1", pods: [row], agents: [agentRow()] });
  const summaries: ServerOptions["replicas"]["summaries"] = (only) => {
    requested.push(only);
    return Promise.resolve([{ kind: "summary", summary: other }]);
  };
  const server = await started({ parts: { replicas: { ...noReplicas, summaries } } });
  const json = async (path: string) =>
    await (await server.statusApp.request(path, local, peer)).json();
  const found = await json("/api/pods/shop/web");
  assert.equal(found.outcome, "credentials");
  assert.match(found.steps[5].found, /ASIAOTHER/);
  const all = await json("/api/summary");
  assert.deepEqual(all.replicas.map((one: { replica: string }) => one.replica), [
    "server-0",
    "server-1",
  ]);
  assert.deepEqual(requested, [{ namespace: "shop", name: "web" }, undefined]);
});

test("POST /api/renew: earlier sessions are assumed again, here and at other replicas", async () => {
  const requested: unknown[] = [];
  const renew: ServerOptions["replicas"]["renew"] = (request) => {
    requested.push(request);
    const row = { renewing: 0, problem: null };
    return Promise.resolve([{ replica: "server-0", ...row }, { replica: "server-1", ...row }]);
  };
  const server = await started({ parts: { replicas: { ...noReplicas, renew } } });
  await stream(server);
  await server.clock.advance(60_000);
  const key = () => server.summary().pods.find(({ name }) => name === "web")?.accessKeyId;
  assert.equal(key(), "ASIAKEY1");
  const sessions = [{ arn: readerArn, sessionName: null }];
  const body = { issuedBefore: new Date(server.clock.now()).toISOString(), sessions };
  const post = async (value: unknown, type = "application/json") => {
    const headers = { ...local.headers, "content-type": type };
    const init = { method: "POST", headers, body: JSON.stringify(value) };
    const response = await server.statusApp.request("/api/renew", init, peer);
    return { status: response.status, text: await response.text() };
  };
  assert.equal((await post(body, "text/plain")).status, 400);
  assert.equal((await post({ sessions })).status, 400);
  const later = new Date(server.clock.now() + 301_000).toISOString();
  const early = await post({ issuedBefore: later, sessions });
  assert.equal(early.status, 400);
  assert.match(early.text, /^issuedBefore is \S+, which is in the future: it is \S+Z here; send a/);
  assert.equal(key(), "ASIAKEY1");
  const first = await post(body);
  assert.deepEqual(JSON.parse(first.text), {
    replicas: [
      { replica: "server-0", renewing: 1, problem: null },
      { replica: "server-1", renewing: 0, problem: null },
    ],
  });
  assert.deepEqual(requested, [body]);
  await server.clock.advance(0);
  assert.equal(key(), "ASIAKEY2");
  // What was issued since isn't renewed, however often it is requested, and requests are limited.
  assert.match((await post(body)).text, /"renewing":0/);
  for (let count = 2; count < 5; count++) await post(body);
  assert.equal((await post(body)).status, 429);
  await server.clock.advance(1000);
  assert.equal(key(), "ASIAKEY2");
});

test("POST /v1/renew: only for the server's own ServiceAccount", async () => {
  let username = "system:serviceaccount:rolecall:rolecall-agent";
  const reviewToken = () => Promise.resolve({ ...genuine, username } as TokenVerdict);
  const server = await started({ parts: { reviewToken } });
  const issuedBefore = new Date(server.clock.now()).toISOString();
  const send = async (token: string, body: unknown) => {
    const headers = { authorization: token, "content-type": "application/json" };
    return await server.send("/v1/renew", { method: "POST", headers, body: JSON.stringify(body) });
  };
  const body = { issuedBefore, sessions: [] };
  assert.equal((await send(authorization, body)).status, 403);
  username = "system:serviceaccount:rolecall:rolecall-server";
  assert.equal((await send(`${authorization}x`, {})).status, 400);
  const answer = await send(`${authorization}x`, body);
  assert.deepEqual(await answer.json(), { replica: "server-0", renewing: 0, problem: null });
});

test("GET /v1/summary?namespace&pod: only that pod", async () => {
  const username = "system:serviceaccount:rolecall:rolecall-server";
  const reviewToken = () => Promise.resolve({ ...genuine, username } as TokenVerdict);
  const server = await started({ parts: { reviewToken } });
  const { pods } = await (await server.send("/v1/summary?namespace=shop&pod=web")).json();
  assert.deepEqual(pods.map((pod: { name: string }) => pod.name), ["web"]);
});

/** The Events about a pod, as `kubectl describe` shows them. */
function eventsOf({ events }: Started): string[] {
  return events.map(({ reason, message, subject }) => `${reason} ${subject.name}: ${message}`);
}

class Unreachable extends Error {
  readonly code = "unreachable";
  readonly retryable = true;
}

const ready = `CredentialsReady web: credentials of ${readerArn} are ready`;

test("server: a pod that waits because STS can't be reached has one Event, and one when it recovers", async () => {
  let reachable = false;
  const server: Started = await started({
    parts: {
      assumeRole: () =>
        reachable
          ? Promise.resolve(fakeCredentials("KEY", server.clock.now()))
          : Promise.reject(new Unreachable("STS can't be reached (eu-west-1)")),
    },
  });
  await followed(server);
  await server.clock.advance(1_000);
  assert.deepEqual(server.events, []);
  await server.clock.advance(3_600_000);
  const waiting = "CredentialsFailed web: STS can't be reached (eu-west-1)";
  assert.deepEqual(eventsOf(server), [waiting]);
  reachable = true;
  await server.clock.advance(60_000);
  assert.deepEqual(eventsOf(server), [waiting, ready]);
});

test("server: the same for a pod that waits because the server's own AWS identity is unknown", async () => {
  let reachable = false;
  const readCallerArns: ReadCallerArns = () =>
    reachable
      ? Promise.resolve([`arn:aws:sts::${account}:assumed-role/server/i-1`])
      : Promise.reject(new Unreachable("STS can't be reached (eu-west-1)"));
  const flags = [`--role-base-arn=arn:aws:iam::${account}:role/`];
  const server = await started({ flags, parts: { readCallerArns } });
  await followed(server);
  await server.clock.advance(60_000);
  const waiting = "CredentialsFailed web: STS can't be reached (eu-west-1)";
  assert.deepEqual(eventsOf(server), [waiting]);
  reachable = true;
  await server.clock.advance(31_000);
  assert.deepEqual(eventsOf(server), [waiting, ready], "as soon as the identity is known");
});

test("server: the deletion of a namespace causes no denial, warning, Event or count", async () => {
  const server = await started({
    pods: [agentPod, webPod, podFacts({ uid: "b", role: "reader" })],
  });
  await followed(server);
  server.events.length = server.lines.length = 0;
  server.index.namespaces.upsert(namespaceFacts({ terminating: true }));
  server.index.namespaces.remove("shop");
  for (const uid of ["uid-web", "b"]) {
    server.index.pods.upsert(podFacts({ uid, role: "reader", terminating: true }));
  }
  await server.clock.advance(3_600_000);
  const text = await (await server.admin.request("/metrics")).text();
  assert.match(text, /decisions\{outcome="ready",reason=""\} 2/);
  assert.doesNotMatch(text, /outcome="denied"/);
  assert.deepEqual(server.events, []);
  assert.deepEqual(server.lines.filter(({ message }) => /denied|event|failed/.test(message)), []);
  assert.equal(server.summary().timeline.minutes.some(({ denied }) => denied > 0), false);
});

test("server: after a restart, 1,000 pods of 50 roles have their credentials in time, by 50 calls", async () => {
  const pods = Array.from(
    { length: 1000 },
    (_, n) => podFacts({ uid: `pod-${n}`, name: `pod-${n}`, role: `role-${n % 50}` }),
  );
  let calls = 0;
  const server: Started = await started({
    pods: [agentPod, ...pods],
    parts: {
      assumeRole: async () => {
        const credentials = fakeCredentials(`KEY${++calls}`, server.clock.now());
        await new Promise<void>((resolve) => server.clock.after(100, resolve));
        return credentials;
      },
    },
  });
  const seen = await followed(server);
  // SDKs wait 1 s, and agents therefore 0.9 s at most.
  await server.clock.advance(900);
  const served = seen.flatMap((frame) =>
    frame.type === "assign" && frame.role?.credentials ? [frame.pod.uid] : []
  );
  assert.deepEqual([new Set(served).size, calls], [1000, 50]);
});

test("server: on the host network, the status page requires an authorised token", async () => {
  const own = { namespace: "rolecall", name: "rolecall-server-x" };
  const user = "system:serviceaccount:rolecall:rolecall-status";
  const server = await started({
    pods: [agentPod, webPod, podFacts({ ...own, uid: "own", hostNetwork: true })],
    parts: {
      ownPod: own,
      reviewToken: (_, audience) =>
        Promise.resolve({ ...genuine, username: user, audiences: [audience] } as TokenVerdict),
      reviewAccess: ({ username }) => Promise.resolve(username === user),
    },
  });
  const summary = async (headers: Record<string, string>) => {
    const init = { headers: { host: "localhost:9622", ...headers } };
    return (await server.statusApp.request("/api/summary", init, peer)).status;
  };
  const authorized = { authorization: `Bearer ${tokenFor("rolecall-status")}` };
  assert.deepEqual([await summary({}), await summary(authorized)], [401, 200]);
});

/**
 * The real server with a cluster from memory and an STS that takes 100 ms.
 * Arguments: `NODES PODS ROLES [tls]`. Commands on
 * standard input: `churn RATE SECONDS` and `calls`.
 */
import { Buffer } from "node:buffer";
import process from "node:process";
import { createInterface } from "node:readline";
import { namespaceFacts } from "../../tests/fakes/facts.ts";
import type { PodFacts } from "../../src/policy/facts.ts";
import { listen } from "../../src/runtime/http/listener.ts";
import { webHandler } from "../../src/runtime/http/web_handler.ts";
import { systemClock } from "../../src/time/system_clock.ts";
import { certificateIssuer as issuer } from "../../src/server/certificate/certificate_authority.ts";
import { parseServerConfig } from "../../src/server/config.ts";
import { createServer } from "../../src/server/server.ts";
import type { Credentials } from "../../src/server/ports.ts";
import { noReplicas } from "../../src/server/status/data/replicas.ts";

const [nodes = 0, podsPerNode = 0, roles = 0] = process.argv.slice(2).map(Number);
const stsMs = 100;
const quiet = () => {};
let calls = 0;

const parsed = parseServerConfig(
  ["--role-base-arn=arn:aws:iam::111122223333:role/", "--sts-rate=1000", "--sts-concurrency=100"],
  {},
);
if (parsed.kind === "problems") throw new Error(parsed.problems.join("\n"));

const server = createServer({
  settings: parsed.settings,
  about: { version: "bench", runtime: "bench", replica: "bench" },
  clock: systemClock,
  random: Math.random,
  log: { debug: quiet, info: quiet, warn: quiet, error: quiet },
  assumeRole: async () => {
    calls++;
    await new Promise((resolve) => setTimeout(resolve, stsMs));
    return credentials();
  },
  requestToken: () => Promise.resolve({ kind: "gone" }),
  tokenFenceProblem: () => Promise.resolve(null),
  readCallerArns: () => Promise.resolve(["arn:aws:sts::111122223333:assumed-role/server/i"]),
  reviewToken: (token, audience) => Promise.resolve(review(token, audience)),
  reviewAccess: () => Promise.resolve(true),
  ownPod: null,
  readPodsByAddress: () => Promise.resolve([]),
  eventSink: () => Promise.resolve(),
  watches: () => [],
  certificate: () => ({ expiresAt: Date.UTC(9999, 11, 31), problem: null }),
  ownUsername: () => Promise.resolve(null),
  replicas: noReplicas,
  agentReady: quiet,
});

function credentials(): Credentials {
  const now = Date.now();
  return {
    accessKeyId: "ASIAIOSFODNN7EXAMPLE",
    secretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEYS",
    sessionToken: `IQoJb3JpZ2luX2VjE${calls}`.padEnd(700, "x"),
    issuedAt: now,
    expiresAt: now + 3_600_000,
  };
}

function review(token: string, audience: string) {
  const claims = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString());
  return {
    kind: "authenticated",
    username: claims.sub as string,
    groups: [],
    audiences: [audience],
    podName: `agent-${claims.node}`,
    podUid: `agent-${claims.node}`,
    nodeName: null,
  } as const;
}

function pod(over: Partial<PodFacts> & Pick<PodFacts, "uid" | "name" | "nodeName">): PodFacts {
  return {
    namespace: "bench",
    serviceAccount: "default",
    ips: [],
    hostNetwork: false,
    terminal: false,
    terminating: false,
    mirror: null,
    createdAt: "2026-01-01T00:00:00Z",
    role: null,
    sessionName: null,
    externalId: null,
    sessionDuration: null,
    sessionPolicyArns: null,
    ...over,
  };
}

function agentOf(n: number): PodFacts {
  return pod({
    uid: `agent-${n}`,
    name: `agent-${n}`,
    nodeName: `node-${n}`,
    namespace: "rolecall",
    serviceAccount: "rolecall-agent",
    hostNetwork: true,
  });
}

function podOf(n: number): PodFacts {
  return pod({
    uid: `00000000-0000-4000-8000-${String(n).padStart(12, "0")}`,
    name: `pod-${n}`,
    nodeName: `node-${n % nodes}`,
    ips: [`10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`],
    role: `role-${n % roles}`,
  });
}

function* cluster(): Iterable<PodFacts> {
  for (let n = 0; n < nodes; n++) yield agentOf(n);
  for (let n = 0; n < nodes * podsPerNode; n++) yield podOf(n);
}

/** Every change is a new pod with a known role, or its deletion a second later. */
async function churn(rate: number, seconds: number): Promise<void> {
  const made: string[] = [];
  const startedAt = performance.now();
  for (let done = 0; done < rate * seconds;) {
    const due = (performance.now() - startedAt) / 1000 * rate;
    for (; done < due; done++) {
      if (made.length > rate / 2 && done % 2 === 1) server.index.pods.remove(made.shift()!);
      else made.push(add(done));
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function certificate(): Promise<{ cert: string; key: string }> {
  const leaf = await issuer.leaf(await issuer.authority(Date.now()), ["server"], Date.now());
  return { cert: leaf.certificate, key: leaf.key };
}

function add(n: number): string {
  const uid = `churn-${n}-${performance.now()}`;
  const madeAt = Math.round((performance.timeOrigin + performance.now()) * 1000);
  server.index.pods.upsert(
    pod({
      uid,
      name: `churn-${madeAt}-x`,
      nodeName: `node-${n % nodes}`,
      role: `role-${n % roles}`,
    }),
  );
  return uid;
}

server.index.namespaces.replace([
  namespaceFacts({ name: "bench" }),
]);
server.index.serviceAccounts.replace([]);
server.index.pods.replace([...cluster()]);
void server.run(new AbortController().signal);
const listener = await listen({
  host: "127.0.0.1",
  port: 0,
  handler: webHandler(server.app.fetch),
  limits: {
    maxConnections: 15_000,
    maxConnectionsPerPeer: 64,
    headersTimeoutMs: 30_000,
    requestTimeoutMs: 60_000,
    keepAliveTimeoutMs: 60_000,
    maxHeaderBytes: 16_384,
  },
  ...process.argv[5] === "tls" ? { tls: await certificate() } : {},
});
console.log(`LISTENING ${listener.port}`);
createInterface({ input: process.stdin }).on("line", async (line) => {
  const [command, rate, seconds] = line.split(" ");
  if (command === "churn") await churn(Number(rate), Number(seconds));
  console.log(JSON.stringify({ calls }));
});

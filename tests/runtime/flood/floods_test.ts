/** What one pod's flood of connections does to the others, on every port that pods can reach. */
import { test, type TestContext } from "node:test";
import assert from "node:assert/strict";
import { request as parseFastRequest } from "node:http";
import { request as tlsRequest } from "node:https";
import { testCertificate } from "../../fakes/test_certificate.ts";
import type { Flood } from "./attacker.ts";
import { startChild } from "./child.ts";
import { floodConnections, floods, received } from "./floods.ts";

const from = "127.0.0.9";
const get = "/latest/meta-data/iam/security-credentials/";
const patienceMs = 30_000;

interface Victim {
  readonly ports: Readonly<Record<string, number>>;
  readonly alive: () => boolean;
}

async function startVictim(t: TestContext, files: number | "max"): Promise<Victim> {
  const { cert, key } = await testCertificate("localhost");
  const child = startChild(t, "victim.ts", [], { files, stdin: JSON.stringify({ cert, key }) });
  const line = await child.nextLine();
  const ports = JSON.parse(line?.replace("listening ", "") ?? assert.fail("no victim"));
  return { ports, alive: () => child.process.exitCode === null };
}

/** One request on a new connection, from another address than the flood's; milliseconds. */
function send(port: number, secure: boolean): Promise<number> {
  const startedAt = performance.now();
  return new Promise((resolve, reject) => {
    const options = { host: "127.0.0.1", port, path: get, agent: false, timeout: patienceMs };
    const handled = { ...options, localAddress: "127.0.0.2", rejectUnauthorized: false };
    const sent = (secure ? tlsRequest : parseFastRequest)(handled, (response) => {
      response.resume();
      response.on("end", () => resolve(performance.now() - startedAt));
      response.on("error", reject);
    });
    sent.on("timeout", () => sent.destroy(new Error(`no answer in ${patienceMs} ms`)));
    sent.on("error", reject);
    sent.end();
  });
}

/** Asks all the while the flood lasts; how long each answer took. */
async function requestDuring(t: TestContext, flood: Flood, secure: boolean): Promise<number[]> {
  const attacker = startChild(t, "attacker.ts", [JSON.stringify(flood)], { files: "max" });
  assert.ok(await attacker.nextLine(), "the flood has to begin");
  let over = false;
  const ended = (async () => {
    while (await attacker.nextLine() !== undefined);
    over = true;
  })();
  const times: number[] = [];
  while (!over) times.push(await send(flood.port, secure));
  await ended;
  return times;
}

async function withstand(t: TestContext, victim: Victim, port: string, name: keyof typeof floods) {
  const ends = { host: "127.0.0.1", port: victim.ports[port] ?? 0, from };
  const flood = { ...ends, count: floodConnections, ...floods[name] };
  const times = await requestDuring(t, flood, port === "server's agents");
  t.diagnostic(`${port}, whose clients ${name}: ${received(times)}`);
  assert.ok(times.length > 0, "nobody was answered");
  assert.ok(victim.alive());
}

const within = { timeout: 300_000 };

test("floods: 2,000 connections of one pod are closed, others are answered", within, async (t) => {
  const victim = await startVictim(t, "max");
  for (const name of ["stay silent", "drip their headers", "drip their body"] as const) {
    await t.test(`on the front: ${name}`, (t) => withstand(t, victim, "front", name));
  }
  // Side by side, as each takes the ten seconds after which the server closes silent connections.
  const others = ["agent's pages", "server's pages", "server's agents"];
  await Promise.all(others.map((port) => withstand(t, victim, port, "stay silent")));
});

test("floods: where few files may be open, the program lives and answers", within, async (t) => {
  const victim = await startVictim(t, 100);
  const port = victim.ports["front"] ?? 0;
  const ends = { host: "127.0.0.1", port, from };
  const flood = { ...ends, count: floodConnections, ...floods["stay silent"] };
  const attacker = startChild(t, "attacker.ts", [JSON.stringify(flood)], { files: "max" });
  assert.ok(await attacker.nextLine());
  attacker.process.kill("SIGKILL");
  const deadline = AbortSignal.timeout(60_000);
  while (!await send(port, false).then(() => true, () => false)) deadline.throwIfAborted();
  assert.ok(victim.alive());
});

/**
 * One pod floods every port that it can reach, through the redirect and past it: its connections
 * are closed, others are answered meanwhile. How quickly is printed, not judged: the machine that
 * runs this may be busy otherwise.
 */
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import type { Flood } from "../../runtime/flood/attacker.ts";
import { floodConnections, floods, received } from "../../runtime/flood/floods.ts";
import type { Reconnecting } from "../../runtime/flood/reconnecting.ts";
import { fabricAddress, inNamespace, metadataAddress } from "../network.ts";
import type { TestPod } from "../pod.ts";
import { must, plainEnv, Running } from "../programs.ts";
import { caFile } from "../rolecall.ts";
import type { Scenario } from "../report.ts";
import { requestServer } from "../server_requests.ts";
import { agentOrigin, serverOrigin, type Stage } from "../stage.ts";
import { pause, until } from "../until.ts";

const path = "/latest/meta-data/iam/security-credentials/reader";
const front = { host: metadataAddress, port: 80 };
/** Only a missing answer fails the test; the latencies are printed. */
const patient = { timeoutMs: 30_000 };
/** Some more than the agent has open by itself. */
const fewFiles = 120;

async function makePod(stage: Stage, name: string): Promise<TestPod> {
  await stage.namespace(name, ".*");
  const annotations = { "iam.amazonaws.com/role": "reader" };
  const pod = await stage.pod({ namespace: name, name, annotations });
  await until("credentials", async () => (await pod.credentials("reader")).status === 200);
  return pod;
}

/** The one that floods, or the other; the same in every scenario. */
async function floodPod(stage: Stage, name: "flooder" | "flooded"): Promise<TestPod> {
  if (!stage.shared.has(name)) stage.shared.set(name, makePod(stage, name));
  return await stage.shared.get(name)!;
}

/** With the limits that agents have by default. */
async function withDefaultRate(stage: Stage, work: () => Promise<void>): Promise<void> {
  await stage.restartAgent(stage.first, { flags: ["--pod-rate=500"] });
  try {
    await work();
  } finally {
    await stage.restartAgent(stage.first);
  }
}

/** Resolves with the attacker's last output, once all its connections are closed. */
function attack(from: TestPod, script: string, wanted: Flood | Reconnecting): Promise<string> {
  const command = inNamespace(from.net, attackCommand(script, wanted));
  return must(command, { env: plainEnv(), timeoutMs: 180_000 });
}

function attackCommand(script: string, wanted: Flood | Reconnecting): string[] {
  const file = fileURLToPath(new URL(`../../runtime/flood/${script}`, import.meta.url));
  return [process.execPath, "run", "-A", "--quiet", file, JSON.stringify(wanted)];
}

type Send = () => Promise<{ readonly status: number; readonly body: string }>;

/** Sends requests until the flood is over; each must be answered. */
async function meanwhile(flood: Promise<unknown>, send: Send, good = 200): Promise<string> {
  let over = false;
  const [answers] = await Promise.all([
    requestsWhile(() => !over, send, good),
    flood.finally(() => over = true),
  ]);
  return answers;
}

/** One request after another, a hundred per second at most. */
async function requestsWhile(goesOn: () => boolean, send: Send, good = 200): Promise<string> {
  const times: number[] = [];
  while (goesOn()) {
    const startedAt = performance.now();
    const { status, body } = await send();
    times.push(performance.now() - startedAt);
    assert.equal(status, good, body);
    await pause(10);
  }
  return received(times);
}

async function floodFront(stage: Stage): Promise<void> {
  const [flooder, other] = [await floodPod(stage, "flooder"), await floodPod(stage, "flooded")];
  await withDefaultRate(stage, async () => {
    for (const [name, kind] of Object.entries(floods)) {
      const flood = attack(flooder, "attacker.ts", { ...front, count: floodConnections, ...kind });
      console.log(`      ${name}: ${await meanwhile(flood, () => other.send(path, patient))}`);
    }
    assert.equal((await flooder.send(path)).status, 200);
  });
}

async function floodOtherPorts(stage: Stage): Promise<void> {
  const flooder = await floodPod(stage, "flooder");
  const silent = { count: floodConnections, ...floods["stay silent"] };
  const page = (url: string) => async () => {
    const answer = await fetch(url, { signal: AbortSignal.timeout(patient.timeoutMs) });
    return { status: answer.status, body: await answer.text() };
  };
  const stranger = { path: "/v1/assignments", caFile: caFile(stage.folders) };
  const at = stage.first.node.address;
  const ports = [
    { host: at, port: 9620, send: page(`${agentOrigin(stage.first.node)}/readyz`), good: 200 },
    { host: fabricAddress, port: 9621, send: page(`${serverOrigin}/readyz`), good: 200 },
    { host: fabricAddress, port: 8443, send: () => requestServer(stranger), good: 401 },
  ];
  await Promise.all(ports.map(async ({ host, port, send, good }) => {
    const flood = attack(flooder, "attacker.ts", { host, port, ...silent });
    console.log(`      ${port}: ${await meanwhile(flood, send, good)}`);
  }));
}

async function reconnectForever(stage: Stage): Promise<void> {
  const [flooder, other] = [await floodPod(stage, "flooder"), await floodPod(stage, "flooded")];
  const request = `GET ${path} HTTP/1.1\r\nHost: ${metadataAddress}\r\n\r\n`;
  await withDefaultRate(stage, async () => {
    let left = 200;
    const before = await requestsWhile(() => left-- > 0, () => other.send(path, patient));
    console.log(`      before: ${before}`);
    const wanted = { ...front, atOnce: 50, seconds: 8, request };
    const flood = attack(flooder, "reconnecting.ts", wanted);
    const answers = await meanwhile(flood, () => other.send(path, patient));
    console.log(`      meanwhile: ${answers}; connections of the other: ${await flood}`.trimEnd());
  });
}

/**
 * The limit is taken from the running agent, whose own limits go by the one it began with. Once the
 * flood has ended it answers again, the same agent.
 */
async function runOutOfFiles(stage: Stage): Promise<void> {
  const [flooder, other] = [await floodPod(stage, "flooder"), await floodPod(stage, "flooded")];
  const { running } = stage.first;
  const silent = { ...front, count: floodConnections, ...floods["stay silent"] };
  const command = inNamespace(flooder.net, attackCommand("attacker.ts", silent));
  await must(["prlimit", `--pid=${running.pid}`, `--nofile=${fewFiles}:`]);
  const flood = new Running("flood", command, join(stage.folders.logs, "flood.log"));
  try {
    await until("the flood", () => flood.log().includes("connected"));
    const openFiles = () => readdirSync(`/proc/${running.pid}/fd`).length;
    const exhausted = () => Promise.resolve(openFiles() >= fewFiles - 2);
    await until("an agent out of files", exhausted);
    await flood.stop(0, "SIGKILL");
    const answered = async () => (await other.send(path, patient)).status === 200;
    await until("an answer", answered);
    assert.ok(running.alive, "the same agent");
  } finally {
    await flood.stop(0, "SIGKILL");
    await stage.restartAgent(stage.first);
  }
}

export const floodScenarios: readonly Scenario<Stage>[] = [
  { name: "floods: 2,000 connections of one pod through the redirect", run: floodFront },
  { name: "floods: 2,000 connections on 9620, 9621 and 8443", run: floodOtherPorts },
  { name: "floods: a pod that reconnects without end", run: reconnectForever },
  { name: "floods: an agent that may open no more files lives on", run: runOutOfFiles },
];

/** Real clients renew their credentials before expiry, each in its own pod. */
import assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { AssignFrame } from "../../../src/protocol/frames.ts";
import type { Client } from "../../clients/client.ts";
import { clients } from "../../clients/clients.ts";
import {
  fabricAddress,
  inNamespace,
  makePodNet,
  metadataAddress,
  removePodNet,
} from "../network.ts";
import { plainEnv, run, Running } from "../programs.ts";
import type { Scenario } from "../report.ts";
import type { Stage } from "../stage.ts";
import { playServer } from "../frame_server.ts";
import { until } from "../until.ts";

const firstPodNumber = 200;

interface Tried {
  readonly client: Client;
  readonly net: string;
  readonly address: string;
}

function keyOf(at: number, generation: "OLD" | "NEW"): string {
  return `ASIA${generation}${String(at).padStart(13, "0")}`;
}

function instant(inSeconds: number): string {
  return `${new Date(Date.now() + inSeconds * 1000).toISOString().slice(0, 19)}Z`;
}

function assign(
  { net, address }: Tried,
  accessKeyId: string,
  lifeSeconds: number,
): AssignFrame {
  const pod = { uid: net, namespace: "renewals", name: net, ips: [address], hostNetwork: false };
  const credentials = {
    accessKeyId,
    // minio-js shows this and not the key.
    secretAccessKey: accessKeyId,
    sessionToken: `token of ${accessKeyId}`,
    lastUpdated: instant(0),
    expiration: instant(lifeSeconds),
  };
  const arn = "arn:aws:iam::123456789012:role/client";
  const role = { arn, name: "client", requested: "client", identity: net, credentials };
  return { type: "assign", pod: { ...pod, imdsv2: false }, role };
}

async function makePods(stage: Stage): Promise<Tried[]> {
  const tried: Tried[] = [];
  for (const client of clients) {
    if (client.renewsLifeSeconds === undefined) continue;
    await client.prepare(stage.builds.node);
    const number = firstPodNumber + tried.length;
    const net = `renews-${number}`;
    tried.push({ client, net, address: await makePodNet(net, stage.first.node, number) });
  }
  return tried;
}

/** Signals new credentials to the client. */
function renewalFile(stage: Stage, { net }: Tried): string {
  return join(stage.folders.state, net);
}

async function start(stage: Stage, tried: Tried): Promise<Running> {
  const { client, net } = tried;
  const { command, env } = await client.prepare(stage.builds.node);
  const TEST_RENEWAL = renewalFile(stage, tried);
  const more = { AWS_REGION: "eu-west-1", TEST_RENEWAL, HOME: "/nonexistent" };
  const logPath = join(stage.folders.logs, `${net}.log`);
  return new Running(
    client.name,
    inNamespace(net, command),
    logPath,
    { env: plainEnv({ ...more, ...env }) },
  );
}

/** It has its first credentials, or has ended without. */
async function started(program: Running): Promise<void> {
  await until(`${program.name}'s first credentials`, () => {
    return !program.alive || program.log().includes("ASIAOLD");
  });
}

/** What the clients printed where it isn't the old key, then the new. */
async function wrongOnes(running: readonly Running[]): Promise<string[]> {
  await until("every client's end", () => !running.some(({ alive }) => alive), {
    within: 120_000,
  });
  return running.filter((program, at) => {
    const keys = program.log().match(/ASIA\w+/g) ?? [];
    return keys.join() !== [keyOf(at, "OLD"), keyOf(at, "NEW")].join();
  }).map((program) => `${program.name}: ${program.log().slice(-600)}`);
}

async function renewedAtAgent({ net }: Tried, key: string): Promise<void> {
  const url = `http://${metadataAddress}/latest/meta-data/iam/security-credentials/client`;
  const send = inNamespace(net, ["curl", "--silent", "--max-time", "5", url]);
  await until("the renewed credentials", async () => (await run(send)).stdout.includes(key));
}

async function renewAll(stage: Stage): Promise<void> {
  const server = await playServer(fabricAddress, 8500);
  const pods = await makePods(stage);
  const running: Running[] = [];
  try {
    await stage.restartAgent(stage.first, { flags: [`--server=${server.url}`] });
    // One after the other: together they would take longer to start than some wait for an answer.
    for (const [at, pod] of pods.entries()) {
      server.send(assign(pod, keyOf(at, "OLD"), pod.client.renewsLifeSeconds ?? 0));
      const program = await start(stage, pod);
      running.push(program);
      await started(program);
      server.send(assign(pod, keyOf(at, "NEW"), 3600));
      await renewedAtAgent(pod, keyOf(at, "NEW"));
      writeFileSync(renewalFile(stage, pod), "");
    }
    assert.deepEqual(await wrongOnes(running), []);
  } finally {
    for (const program of running) await program.stop(0, "SIGKILL");
    for (const pod of pods) {
      rmSync(renewalFile(stage, pod), { force: true });
      await removePodNet(pod.net);
    }
    server.stop();
    await stage.restartAgent(stage.first);
  }
}

export const renewals: readonly Scenario<Stage>[] = [
  { name: "clients: each renews its credentials in time", run: renewAll },
];

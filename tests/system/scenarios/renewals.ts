/** Real clients renew their credentials before expiry: all at once, each in its own pod. */
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

const minutes = 60_000;
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

/** `renewed` is the file that signals new credentials to clients. */
async function start(stage: Stage, { client, net }: Tried, renewed: string): Promise<Running> {
  const { command, env } = await client.prepare(stage.builds.node);
  const more = { AWS_REGION: "eu-west-1", TEST_RENEWAL: renewed, HOME: "/nonexistent" };
  const logPath = join(stage.folders.logs, `${net}.log`);
  return new Running(
    client.name,
    inNamespace(net, command),
    logPath,
    { env: plainEnv({ ...more, ...env }) },
  );
}

/** Each has its first credentials, or has ended without. */
function allStarted(running: readonly Running[]): Promise<unknown> {
  return until("every client's first credentials", () => {
    return running.every((program) => !program.alive || program.log().includes("ASIAOLD"));
  }, { within: minutes });
}

/** What the clients printed where it isn't the old key, then the new. */
async function wrongOnes(running: readonly Running[]): Promise<string[]> {
  await until("every client's end", () => !running.some(({ alive }) => alive), {
    within: 2 * minutes,
  });
  return running.filter((program, at) => {
    const keys = program.log().match(/ASIA\w+/g) ?? [];
    return keys.join() !== [keyOf(at, "OLD"), keyOf(at, "NEW")].join();
  }).map((program) => `${program.name}: ${program.log().slice(-600)}`);
}

/** Once one pod has its new credentials, the agent has all of them: they are sent together. */
async function renewedAtAgent({ net }: Tried, key: string): Promise<void> {
  const url = `http://${metadataAddress}/latest/meta-data/iam/security-credentials/client`;
  const send = inNamespace(net, ["curl", "--silent", "--max-time", "5", url]);
  await until("the renewed credentials", async () => (await run(send)).stdout.includes(key));
}

async function renewAll(stage: Stage): Promise<void> {
  const server = await playServer(fabricAddress, 8500);
  const pods = await makePods(stage);
  const renewed = join(stage.folders.state, "renewed");
  const running: Running[] = [];
  try {
    await stage.restartAgent(stage.first, { flags: [`--server=${server.url}`] });
    const life = ({ client }: Tried) => client.renewsLifeSeconds ?? 0;
    server.send(...pods.map((pod, at) => assign(pod, keyOf(at, "OLD"), life(pod))));
    for (const pod of pods) running.push(await start(stage, pod, renewed));
    await allStarted(running);
    server.send(...pods.map((pod, at) => assign(pod, keyOf(at, "NEW"), 3600)));
    const last = pods.length - 1;
    await renewedAtAgent(pods[last] ?? assert.fail("no client"), keyOf(last, "NEW"));
    writeFileSync(renewed, "");
    assert.deepEqual(await wrongOnes(running), []);
  } finally {
    for (const program of running) await program.stop(0, "SIGKILL");
    rmSync(renewed, { force: true });
    for (const { net } of pods) await removePodNet(net);
    server.stop();
    await stage.restartAgent(stage.first);
  }
}

export const renewals: readonly Scenario<Stage>[] = [
  { name: "clients: each renews its credentials in time", within: 10 * minutes, run: renewAll },
];

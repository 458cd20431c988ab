/** Real clients renew their credentials before these end: all at once, each in a pod of its own. */
import assert from "node:assert/strict";
import type { AssignFrame } from "../../../src/protocol/frames.ts";
import { type Client, clients } from "../../clients/clients.ts";
import { fabricAddress, inNamespace, makePodNet, removePodNet } from "../network.ts";
import { plainEnv, run } from "../programs.ts";
import type { Scenario } from "../report.ts";
import type { Stage } from "../stage.ts";
import { playServer } from "../told_agent.ts";

const minutes = 60_000;
/** Clients have fetched the first credentials by then, and none has reached its time to renew. */
const renewedAfterMs = 12_000;
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

/** What is wrong with what the client printed; undefined where it had the old key, then the new. */
async function watch(stage: Stage, tried: Tried, at: number): Promise<string | undefined> {
  const { command, env } = await tried.client.prepare(stage.builds.node);
  const more = { AWS_REGION: "eu-west-1", ROLECALL_TEST_RENEWAL: "yes", HOME: "/nonexistent" };
  const options = { env: plainEnv({ ...more, ...env }), timeoutMs: minutes };
  const { stdout, stderr } = await run(inNamespace(tried.net, command), options);
  const keys = stdout.match(/ASIA\w+/g) ?? [];
  if (keys.join() === [keyOf(at, "OLD"), keyOf(at, "NEW")].join()) return undefined;
  return `${tried.client.name}: ${stdout}${stderr.slice(-300)}`;
}

async function renewAll(stage: Stage): Promise<void> {
  const server = await playServer(fabricAddress, 8500);
  const pods = await makePods(stage);
  try {
    await stage.restartAgent(stage.first, { flags: [`--server=${server.url}`] });
    const life = ({ client }: Tried) => client.renewsLifeSeconds ?? 0;
    server.tell(...pods.map((pod, at) => assign(pod, keyOf(at, "OLD"), life(pod))));
    const watching = Promise.all(pods.map((pod, at) => watch(stage, pod, at)));
    await new Promise((resolve) => setTimeout(resolve, renewedAfterMs));
    server.tell(...pods.map((pod, at) => assign(pod, keyOf(at, "NEW"), 3600)));
    assert.deepEqual((await watching).filter((wrong) => wrong !== undefined), []);
  } finally {
    for (const { net } of pods) await removePodNet(net);
    server.stop();
    await stage.restartAgent(stage.first);
  }
}

export const renewals: readonly Scenario<Stage>[] = [
  { name: "clients: each renews its credentials in time", within: 10 * minutes, run: renewAll },
];

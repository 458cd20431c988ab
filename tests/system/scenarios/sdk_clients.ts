/** Real clients of several languages and ages find the pod's credentials by their default chains. */
import assert from "node:assert/strict";
import type { Client } from "../../clients/client.ts";
import { clients } from "../../clients/clients.ts";
import { nodeSecret } from "../instance_metadata.ts";
import type { TestPod } from "../pod.ts";
import type { Scenario } from "../report.ts";
import type { Stage } from "../stage.ts";
import { until } from "../until.ts";

const namespace = "clients";
/** What a program ended by its time-out leaves as exit code. */
const timedOut = 128;

/** One pod for all of them, with a role of a path, which the listed name must not show. */
async function clientPod(stage: Stage): Promise<TestPod> {
  await stage.namespace(namespace, ".*");
  const annotations = { "iam.amazonaws.com/role": "apps/client" };
  const made = await stage.pod({ namespace, name: "client", annotations });
  await until("credentials", async () => (await made.credentials("client")).status === 200);
  return made;
}

async function tryClient(stage: Stage, client: Client): Promise<void> {
  const { command, env } = await client.prepare(stage.builds.node);
  if (!stage.shared.has(namespace)) stage.shared.set(namespace, clientPod(stage));
  const from = await stage.shared.get(namespace)!;
  const wanted = client.prints(JSON.parse((await from.credentials("client")).body));
  const region = { AWS_REGION: "eu-west-1", AWS_DEFAULT_REGION: "eu-west-1" };
  const outcome = await from.run(command, { ...region, ...env });
  assert.ok(outcome.stdout.includes(wanted), outcome.stdout + outcome.stderr.slice(-800));
}

/**
 * A denial ends the chain: the client says that it has no credentials, soon, and finds no others.
 * Which words and which exit code it says that with is its own.
 */
async function tryDenied(stage: Stage): Promise<void> {
  await stage.namespace("clients-denied", "arn:nobody");
  const annotations = { "iam.amazonaws.com/role": "apps/client" };
  const pod = await stage.pod({ namespace: "clients-denied", name: "denied", annotations });
  await until("the denial", async () => (await pod.list()).status === 403);
  const region = { AWS_REGION: "eu-west-1", AWS_DEFAULT_REGION: "eu-west-1" };
  const wrong: string[] = [];
  for (const client of clients) {
    const { command, env } = await client.prepare(stage.builds.node);
    const { stdout, stderr, code } = await pod.run(command, { ...region, ...env });
    const found = /A[SK]IA|\*{4}[A-Z0-9]{4}/.test(stdout) || (stdout + stderr).includes(nodeSecret);
    if (found || code === timedOut) wrong.push(`${client.name}: ${code} ${stdout}`);
  }
  assert.deepEqual(wrong, []);
}

export const sdkClients: readonly Scenario<Stage>[] = [
  ...clients.map((client) => ({
    name: `client: ${client.name}`,
    run: (stage: Stage) => tryClient(stage, client),
  })),
  { name: "clients: none finds credentials in a denied pod", run: tryDenied },
];

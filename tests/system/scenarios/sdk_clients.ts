/** Real clients of several languages and ages find the pod's credentials by their default chains. */
import assert from "node:assert/strict";
import { type Client, clients } from "../../clients/clients.ts";
import type { TestPod } from "../pod.ts";
import type { Scenario } from "../report.ts";
import type { Stage } from "../stage.ts";
import { until } from "../until.ts";

const minutes = 60_000;
const namespace = "clients";

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

export const sdkClients: readonly Scenario<Stage>[] = clients.map((client) => ({
  name: `client: ${client.name}`,
  within: 10 * minutes,
  run: (stage) => tryClient(stage, client),
}));

/** Pods that use the agent's own port, through AWS_EC2_METADATA_SERVICE_ENDPOINT. */
import assert from "node:assert/strict";
import process from "node:process";
import { clients } from "../../clients/clients.ts";
import { inNamespace } from "../network.ts";
import { must, run } from "../programs.ts";
import type { Scenario } from "../report.ts";
import type { Stage } from "../stage.ts";
import { until } from "../until.ts";
import { requestWithBoto } from "./aws_clients.ts";

const namespace = "direct";
const annotations = { "iam.amazonaws.com/role": "reader" };

function origin(stage: Stage): string {
  return `http://${stage.first.node.address}:8181`;
}

async function restartWith(stage: Stage, flags: readonly string[]): Promise<void> {
  await stage.first.running.stop();
  const command = [...stage.runtime, "uninstall"];
  assert.equal((await run(inNamespace(stage.first.node.name, command))).code, 0);
  await stage.restartAgent(stage.first, { flags });
}

async function requestDirectly(stage: Stage, name: string): Promise<void> {
  const pod = await stage.pod({ namespace, name, annotations });
  const credentials = "/latest/meta-data/iam/security-credentials/reader";
  const direct = { origin: origin(stage) };
  await until("credentials", async () => (await pod.send(credentials, direct)).status === 200);
  const env = { AWS_EC2_METADATA_SERVICE_ENDPOINT: origin(stage) };
  const answer = await requestWithBoto(pod, stage.builds.python, env);
  assert.equal(answer.method, "iam-role");
  assert.match(answer.arn ?? "", /:assumed-role\/reader\//);
}

/** They have a parameter of their own instead. */
const withoutVariable = new Set([
  "boto 2 (IMDSv1)",
  "minio-py",
  "minio-js",
  "minio-go",
  "object_store for Rust (obstore)",
  "JDK HttpClient",
  "Apache HttpClient 5",
  "Fluent Bit",
]);

/** Every other client finds the pod's credentials by the variable alone. */
async function runClients(stage: Stage): Promise<void> {
  const pod = await stage.pod({ namespace, name: "clients", annotations });
  const direct = { origin: origin(stage) };
  const path = "/latest/meta-data/iam/security-credentials/reader";
  await until("credentials", async () => (await pod.send(path, direct)).status === 200);
  const found = JSON.parse((await pod.send(path, direct)).body);
  const region = { AWS_REGION: "eu-west-1", AWS_DEFAULT_REGION: "eu-west-1" };
  const received = { ...region, AWS_EC2_METADATA_SERVICE_ENDPOINT: origin(stage) };
  const wrong: string[] = [];
  for (const client of clients) {
    if (withoutVariable.has(client.name)) continue;
    const { command, env } = await client.prepare(stage.builds.node);
    const { stdout, stderr } = await pod.run(command, { ...received, ...env });
    if (!stdout.includes(client.prints(found))) wrong.push(`${client.name}: ${stdout}${stderr}`);
  }
  assert.deepEqual(wrong, []);
}

/** The status that a machine gets which isn't a pod of the first node. */
async function requestFromSecondNode(stage: Stage, url: string): Promise<string> {
  const script = `console.log((await fetch(${JSON.stringify(url)})).status)`;
  const command = inNamespace(stage.second.node.name, [process.execPath, "eval", script]);
  return (await must(command)).trim();
}

export const direct: readonly Scenario<Stage>[] = [
  {
    name: "direct: with --direct, a pod may use the agent's port and the redirect",
    run: async (stage) => {
      await stage.namespace(namespace, ".*");
      await restartWith(stage, ["--direct"]);
      await requestDirectly(stage, "both");
      const pod = await stage.pod({ namespace, name: "redirected", annotations });
      await until("credentials", async () => (await pod.credentials("reader")).status === 200);
    },
  },
  {
    name: "direct: another machine gets nothing, and a foreign Host is refused",
    run: async (stage) => {
      const list = "/latest/meta-data/iam/security-credentials/";
      for (const path of [list, "/latest/meta-data/instance-id"]) {
        assert.equal(await requestFromSecondNode(stage, origin(stage) + path), "503");
      }
      const pod = await stage.pod({ namespace, name: "rebound", annotations });
      const headers = { Host: "rebound.example" };
      assert.equal((await pod.send(list, { origin: origin(stage), headers })).status, 400);
    },
  },
  {
    name: "direct: without any redirect, pods that use the agent's port get their roles",
    run: async (stage) => {
      await restartWith(stage, ["--direct", "--redirect=none"]);
      const rules = inNamespace(stage.first.node.name, ["iptables-save"]);
      assert.doesNotMatch(await must(rules), /ROLECALL/);
      await requestDirectly(stage, "alone");
      await runClients(stage);
      await stage.restartAgent(stage.first);
    },
  },
];

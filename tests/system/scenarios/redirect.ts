/** The redirect is restored when flushed, and no pod ever gets past it. */
import assert from "node:assert/strict";
import process from "node:process";
import { nodeSecret } from "../instance_metadata.ts";
import { inNamespace, metadataAddress } from "../network.ts";
import { must, run } from "../programs.ts";
import type { Scenario } from "../report.ts";
import { page } from "../rolecall.ts";
import { agentOrigin, type Stage } from "../stage.ts";
import { until } from "../until.ts";

const role = "iam.amazonaws.com/role";
const nodePath = "/latest/meta-data/iam/security-credentials/node-instance-role";
const readerPath = "/latest/meta-data/iam/security-credentials/reader";

async function natRules(stage: Stage): Promise<string> {
  const { name } = stage.first.node;
  return await must(inNamespace(name, ["iptables", "-t", "nat", "-S"]));
}

function inPlace(rules: string): boolean {
  return rules.includes("-A PREROUTING -j ROLECALL") && /-A ROLECALL .*DNAT/.test(rules);
}

function uninstall(stage: Stage) {
  return run(inNamespace(stage.first.node.name, [...stage.runtime, "uninstall"]));
}

/** How often the first node's agent has put its redirect back. */
async function repairs(stage: Stage): Promise<number> {
  const { text } = await page(`${agentOrigin(stage.first.node)}/metrics`);
  return Number(/^rolecall_agent_redirect_repairs_total (\d+)$/m.exec(text)?.[1]);
}

async function nftRules(stage: Stage): Promise<string> {
  return await must(inNamespace(stage.first.node.name, ["nft", "list", "ruleset"]));
}

async function routingRules(stage: Stage): Promise<string> {
  return await must(inNamespace(stage.first.node.name, ["ip", "rule", "show"]));
}

/** How the whole packet filter is flushed, by those who use one tool or the other. */
const totalFlushes = ["iptables -F; iptables -t nat -F", "nft flush ruleset"];

export const redirect: readonly Scenario<Stage>[] = [
  {
    name: "the rules are in the node's network namespace, and the machine's own stays unchanged",
    run: async (stage) => {
      assert.ok(inPlace(await natRules(stage)), await natRules(stage));
      const fabric = await must(["iptables", "-t", "nat", "-S"]);
      assert.ok(!fabric.includes("ROLECALL"));
    },
  },
  {
    name: "flushed rules are back within 10 s",
    run: async (stage) => {
      await must(inNamespace(stage.first.node.name, ["iptables", "-t", "nat", "-F"]));
      const back = async () => inPlace(await natRules(stage));
      await until("the rules", back, { within: 10_000 });
    },
  },
  {
    name:
      "a pod that sends requests in a tight loop while nat is flushed never sees the node's credentials",
    run: async (stage) => {
      await stage.namespace("flush", ".*");
      const annotations = { [role]: "reader" };
      const pod = await stage.pod({ namespace: "flush", name: "web", annotations });
      await until("credentials", async () => (await pod.credentials("reader")).status === 200);
      const end = pod.loop(nodePath);
      await must(inNamespace(stage.first.node.name, ["iptables", "-t", "nat", "-F"]));
      const back = async () => inPlace(await natRules(stage));
      await until("the rules", back, { within: 10_000 });
      const seen = Object.keys(await end());
      assert.ok(seen.length > 0, "the pod asked");
      assert.deepEqual(seen.filter((answer) => answer.includes(nodeSecret)), []);
      assert.deepEqual(stage.metadata.leaks().filter(({ peer }) => peer === pod.address), []);
      await until("served again", async () => (await pod.credentials("reader")).status === 200);
    },
  },
  {
    name: "the whole packet filter flushed: a looping pod's requests never reach the real service",
    run: async (stage) => {
      const annotations = { [role]: "reader" };
      const pod = await stage.pod({ namespace: "flush", name: "total", annotations });
      await until("credentials", async () => (await pod.credentials("reader")).status === 200);
      for (const flush of totalFlushes) {
        const headers = { "X-aws-ec2-metadata-token-ttl-seconds": "60" };
        const tokens = pod.loop("/latest/api/token", { method: "PUT", headers });
        const secrets = pod.loop(nodePath);
        const repaired = await repairs(stage);
        await must(inNamespace(stage.first.node.name, ["sh", "-ec", flush]));
        await until("the repair", async () => await repairs(stage) > repaired, { within: 10_000 });
        assert.ok(inPlace(await natRules(stage)), flush);
        const seen = Object.keys({ ...await tokens(), ...await secrets() });
        assert.ok(seen.some((answer) => answer.startsWith("200 ")), `${flush}: nobody asked`);
        assert.deepEqual(seen.filter((answer) => answer.includes(nodeSecret)), []);
        const passed = stage.metadata.requested.filter(({ peer }) => peer === pod.address);
        assert.deepEqual(passed, [], flush);
        await until("served again", async () => (await pod.credentials("reader")).status === 200);
      }
    },
  },
  {
    name: "removed routing rules are back within 10 s",
    run: async (stage) => {
      assert.match(await routingRules(stage), /prohibit proto 82/);
      const taken = ["ip", "rule", "del", "to", metadataAddress, "prohibit"];
      await must(inNamespace(stage.first.node.name, taken));
      const back = async () => (await routingRules(stage)).includes("prohibit proto 82");
      await until("the rules", back, { within: 10_000 });
    },
  },
  {
    name: "a request to the agent's port that was not redirected is dropped",
    run: async (stage) => {
      const pod = await stage.pod({ namespace: "flush", name: "direct" });
      const origin = `http://${stage.first.node.address}:8181`;
      const answer = await pod.send("/latest/meta-data/", { origin, timeoutMs: 1500 });
      assert.equal(answer.status, 0, `${answer.status} ${answer.body}`);
    },
  },
  {
    name: "processes of the node itself reach the real service",
    run: async (stage) => {
      const path = `http://${metadataAddress}/latest/api/token`;
      const script = `const r = await fetch("${path}", {method: "PUT", ` +
        `headers: {"X-aws-ec2-metadata-token-ttl-seconds": "60"}}); console.log(r.status);`;
      const command = inNamespace(stage.first.node.name, [process.execPath, "eval", script]);
      assert.equal((await must(command)).trim(), "200");
    },
  },
  {
    name:
      "the agent ends at SIGTERM with 0, its rules stay, and pods get no other answer meanwhile",
    run: async (stage) => {
      const annotations = { [role]: "reader" };
      const pod = await stage.pod({ namespace: "flush", name: "closed", annotations });
      await until("credentials", async () => (await pod.credentials("reader")).status === 200);
      assert.equal(await stage.first.running.stop(), 0);
      assert.ok(inPlace(await natRules(stage)), "rules stay");
      const answer = await pod.send(nodePath, { timeoutMs: 1500 });
      assert.equal(answer.status, 0, "nobody answers");
      await stage.restartAgent(stage.first);
      await until("served again", async () => (await pod.credentials("reader")).status === 200);
    },
  },
  {
    name: "the agent is killed: nothing answers, and the next agent accepts the same tokens",
    run: async (stage) => {
      const annotations = { [role]: "reader" };
      const pod = await stage.pod({ namespace: "flush", name: "killed", annotations });
      await until("credentials", async () => (await pod.credentials("reader")).status === 200);
      const ttl = { "X-aws-ec2-metadata-token-ttl-seconds": "600" };
      const token = await pod.send("/latest/api/token", { method: "PUT", headers: ttl });
      assert.equal(token.status, 200, token.body);
      await stage.first.running.stop(0, "SIGKILL");
      assert.ok(inPlace(await natRules(stage)), "rules stay");
      assert.equal((await pod.send(nodePath, { timeoutMs: 1500 })).status, 0, "nobody answers");
      await stage.restartAgent(stage.first);
      const headers = { "X-aws-ec2-metadata-token": token.body };
      const served = async () => (await pod.send(readerPath, { headers })).status === 200;
      await until("served again", served);
    },
  },
  {
    name: "uninstall removes the rules, and a second run changes nothing",
    run: async (stage) => {
      await stage.first.running.stop();
      const once = await uninstall(stage);
      assert.equal(once.code, 0, once.stderr);
      assert.ok(!(await natRules(stage)).includes("ROLECALL"));
      assert.doesNotMatch(await routingRules(stage), /169\.254\.169\.254/);
      const twice = await uninstall(stage);
      assert.equal(twice.code, 0, twice.stderr);
      await stage.restartAgent(stage.first);
      assert.ok(inPlace(await natRules(stage)));
      assert.match(await routingRules(stage), /prohibit proto 82/);
    },
  },
  {
    name: "with nftables: pods are served, and flushed rules are back within 10 s without a leak",
    run: async (stage) => {
      await stage.first.running.stop();
      assert.equal((await uninstall(stage)).code, 0);
      await stage.restartAgent(stage.first, { flags: ["--redirect=nftables"] });
      assert.match(await nftRules(stage), /table inet rolecall/);
      const annotations = { [role]: "reader" };
      const pod = await stage.pod({ namespace: "flush", name: "nft", annotations });
      await until("credentials", async () => (await pod.credentials("reader")).status === 200);
      const end = pod.loop(nodePath);
      const flush = ["nft", "flush", "chain", "inet", "rolecall", "prerouting"];
      await must(inNamespace(stage.first.node.name, flush));
      const back = async () => (await nftRules(stage)).includes("dnat");
      await until("the rules", back, { within: 10_000 });
      const seen = Object.keys(await end());
      assert.deepEqual(seen.filter((answer) => answer.includes(nodeSecret)), []);
      await until("served again", async () => (await pod.credentials("reader")).status === 200);
      await stage.first.running.stop();
      assert.equal((await uninstall(stage)).code, 0);
      await stage.restartAgent(stage.first);
    },
  },
];

import { test } from "node:test";
import assert from "node:assert/strict";
import { AgentTokens } from "./agent_tokens.ts";
import { devAgentPod } from "./agent_tokens.ts";

const pod = devAgentPod({ namespace: "rolecall", name: "rolecall-agent" });

function tokens(clock: { now: number }, keyByte = 7) {
  const key = new Uint8Array(32).fill(keyByte);
  return new AgentTokens({ pod, audience: "rolecall-server", now: () => clock.now, key });
}

test("AgentTokens: its own tokens name pod, ServiceAccount and node", async () => {
  const own = tokens({ now: 0 });
  assert.deepEqual(await own.review(own.issue(), "rolecall-server"), {
    kind: "authenticated",
    groups: [],
    username: "system:serviceaccount:rolecall:rolecall-agent",
    audiences: ["rolecall-server"],
    podName: "rolecall-agent-dev",
    podUid: pod.uid,
    nodeName: "dev-node",
  });
});

test("AgentTokens: a token of another audience or key, altered or expired, is refused", async () => {
  const clock = { now: 0 };
  const own = tokens(clock);
  const token = own.issue();
  const [head, claims, signature] = token.split(".");
  const kind = async (text: string, audience = "rolecall-server") =>
    (await own.review(text, audience)).kind;
  assert.equal(await kind(token, "rolecall-pod"), "refused");
  assert.equal(await kind(tokens(clock, 8).issue()), "refused");
  assert.equal(await kind(`${head}.${claims}x.${signature}`), "refused");
  assert.equal(await kind(""), "refused");
  clock.now = 599_000;
  assert.equal(await kind(token), "authenticated");
  clock.now = 600_000;
  assert.equal(await kind(token), "refused");
});

test("AgentTokens.issueFor(): a pod's token names that pod, for the audience and time given", async () => {
  const clock = { now: 0 };
  const own = tokens(clock);
  const web = { ...pod, namespace: "shop", name: "web", uid: "uid-web", serviceAccount: "cart" };
  const token = own.issueFor(web, "rolecall-pod", 60);
  assert.deepEqual(await own.review(token, "rolecall-pod"), {
    kind: "authenticated",
    groups: [],
    username: "system:serviceaccount:shop:cart",
    audiences: ["rolecall-pod"],
    podName: "web",
    podUid: "uid-web",
    nodeName: "dev-node",
  });
  assert.equal((await own.review(token, "rolecall-server")).kind, "refused");
  clock.now = 60_000;
  assert.equal((await own.review(token, "rolecall-pod")).kind, "refused");
});

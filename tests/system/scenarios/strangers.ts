/** Only agents may use the server, each only for its own node. */
import assert from "node:assert/strict";
import { podPath, requestToken } from "../cluster_objects.ts";
import type { Scenario } from "../report.ts";
import { agentToken, caFile, createAgentPod, serverAudience } from "../rolecall.ts";
import { requestServer } from "../server_requests.ts";
import type { Stage } from "../stage.ts";
import { until } from "../until.ts";

const role = "iam.amazonaws.com/role";
const synced = '"type":"synced"';
const issuer = "https://kubernetes.default.svc.cluster.local";

function assignments(stage: Stage, token?: string) {
  const more = token === undefined ? {} : { token };
  const caPath = caFile(stage.folders);
  return requestServer({ path: "/v1/assignments", caFile: caPath, until: synced, ...more });
}

/** The refusal must say why in its own words, and never repeat the token. */
async function refused(stage: Stage, token: string, status: number, says: RegExp): Promise<void> {
  const answer = await assignments(stage, token);
  assert.equal(answer.status, status, answer.body);
  assert.match(answer.body, says);
  const signature = token.split(".").at(-1) ?? token;
  assert.ok(!answer.body.includes(signature), "the token is not repeated");
}

export const strangers: readonly Scenario<Stage>[] = [
  {
    name: "an agent receives its own node's pods and no others",
    run: async (stage) => {
      await stage.namespace("nodes", ".*");
      const annotations = { [role]: "reader" };
      const spec = { namespace: "nodes", annotations };
      const here = await stage.pod({ ...spec, name: "here" });
      const there = await stage.pod({ ...spec, name: "there" }, stage.second.node);
      const ready = async () =>
        (await here.credentials("reader")).status === 200 &&
        (await there.credentials("reader")).status === 200;
      await until("credentials on both nodes", ready);
      const token = await agentToken(stage.api, stage.second.pod);
      const answer = await assignments(stage, token);
      assert.equal(answer.status, 200, answer.body);
      assert.ok(answer.body.includes(there.uid), "its own pod");
      assert.ok(!answer.body.includes(here.uid), "the other node's pod");
      assert.ok(!answer.body.includes(`"${here.address}"`));
    },
  },
  {
    name: "an agent that reads a pod of another node by address gets nothing",
    run: async (stage) => {
      const annotations = { [role]: "reader" };
      const pod = await stage.pod({ namespace: "nodes", name: "asked-for", annotations });
      await until("credentials", async () => (await pod.credentials("reader")).status === 200);
      const path = `/v1/pods/by-ip/${pod.address}`;
      const send = async (member: Stage["first"]) => {
        const token = await agentToken(stage.api, member.pod);
        return await requestServer({ path, token, caFile: caFile(stage.folders) });
      };
      const own = await send(stage.first);
      assert.equal(own.status, 200, own.body);
      assert.ok(own.body.includes(pod.uid));
      const other = await send(stage.second);
      assert.equal(other.status, 404, other.body);
      assert.ok(!other.body.includes(pod.uid));
    },
  },
  {
    name: "no token: 401",
    run: async (stage) => assert.equal((await assignments(stage)).status, 401),
  },
  {
    name: "garbage as a token: 401",
    run: (stage) => refused(stage, "garbage-that-is-no-token", 401, /token/i),
  },
  {
    name: "a token for another audience: 401",
    run: async (stage) => {
      const token = await agentToken(stage.api, stage.first.pod, issuer);
      await refused(stage, token, 401, /audience/i);
    },
  },
  {
    name: "a token of another ServiceAccount: 403",
    run: async (stage) => {
      const pod = await stage.pod({ namespace: "nodes", name: "curious" });
      const token = await requestToken(stage.api, {
        namespace: "nodes",
        serviceAccount: "default",
        audience: serverAudience,
        boundTo: { name: "curious", uid: pod.uid },
      });
      await refused(stage, token, 403, /agent|ServiceAccount/i);
    },
  },
  {
    name: "an agent's token that is bound to no pod: 403",
    run: async (stage) => {
      const account = { namespace: "rolecall", serviceAccount: "rolecall-agent" };
      const token = await requestToken(stage.api, { ...account, audience: serverAudience });
      await refused(stage, token, 403, /pod/i);
    },
  },
  {
    name: "an expired token: 401",
    run: async (stage) => refused(stage, await expiredToken(stage), 401, /expired/i),
  },
  {
    name: "a token signed by somebody else: 401",
    run: async (stage) => {
      const token = await agentToken(stage.api, stage.first.pod);
      const [head, claims] = token.split(".");
      const forged = `${head}.${claims}.${"A".repeat(86)}`;
      await refused(stage, forged, 401, /token|API server/i);
    },
  },
  {
    name: "a token whose pod is deleted: its stream ends, nothing more is sent, then 401",
    run: async (stage) => {
      const pod = await createAgentPod(stage.api, stage.second.node, "-next");
      const token = await agentToken(stage.api, pod);
      const good = async () => (await assignments(stage, token)).status === 200;
      await until("a good token", good);
      const caPath = caFile(stage.folders);
      let received = "";
      const seen = (body: string) => received = body;
      await Promise.all([
        requestServer({ path: "/v1/assignments", caFile: caPath, token, seen }),
        until("a snapshot", () => received.includes(synced))
          .then(() => stage.api.remove(podPath("rolecall", pod.metadata.name))),
      ]);
      const late = await assignments(stage, token);
      assert.ok(late.status === 401 || late.status === 503, `${late.status}`);
      const gone = async () => (await assignments(stage, token)).status === 401;
      await until("401, once the token is reviewed again", gone, { within: 120_000, every: 500 });
    },
  },
];

/** As the API server would have made it an hour ago. */
function expiredToken(stage: Stage): Promise<string> {
  const { name, uid } = stage.first.pod.metadata;
  const now = Math.floor(Date.now() / 1000);
  return stage.api.keys.sign({
    iss: issuer,
    aud: [serverAudience],
    sub: "system:serviceaccount:rolecall:rolecall-agent",
    iat: now - 4200,
    nbf: now - 4200,
    exp: now - 600,
    "kubernetes.io": {
      namespace: "rolecall",
      pod: { name, uid },
      serviceaccount: { name: "rolecall-agent", uid: "00000000-0000-0000-0000-000000000000" },
    },
  });
}

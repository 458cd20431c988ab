/** Which pods get credentials, which are denied, and the texts of the denials. */
import assert from "node:assert/strict";
import { createServiceAccount } from "../cluster_objects.ts";
import { instanceId, nodeSecret } from "../instance_metadata.ts";
import type { Scenario } from "../report.ts";
import { roleArn, type Stage } from "../stage.ts";
import { until } from "../until.ts";
import { requestWithBoto } from "./aws_clients.ts";

const role = "iam.amazonaws.com/role";
const permitReaders = "arn:aws:iam::[0-9]+:role/reader.*";

/** A denial is final once the server has decided; until then the pod gets 503. */
async function finalAnswer(send: () => Promise<{ status: number; body: string }>) {
  return await until("an answer other than 503", async () => {
    const answer = await send();
    return answer.status === 503 || answer.status === 0 ? undefined : answer;
  });
}

async function denial(
  stage: Stage,
  name: string,
  wanted: { permitted?: string; role: string; says: RegExp },
): Promise<void> {
  await stage.namespace(name, wanted.permitted);
  const pod = await stage.pod({ namespace: name, name, annotations: { [role]: wanted.role } });
  const listed = await finalAnswer(() => pod.list());
  assert.equal(listed.status, 403, listed.body);
  assert.match(listed.body, wanted.says);
  const direct = await pod.credentials("reader");
  assert.equal(direct.status, 403, direct.body);
  assert.ok(!listed.body.trimEnd().includes("\n"), "the reason is one line");
}

export const credentials: readonly Scenario<Stage>[] = [
  {
    name: "boto3's default chain has the annotated role, and STS confirms it",
    run: async (stage) => {
      await stage.namespace("shop", permitReaders);
      const annotations = { [role]: "reader" };
      const pod = await stage.pod({ namespace: "shop", name: "web", annotations });
      await until("credentials", async () => (await pod.credentials("reader")).status === 200);
      const answer = await requestWithBoto(pod, stage.builds.python);
      assert.equal(answer.method, "iam-role");
      assert.match(answer.arn ?? "", /^arn:aws:sts::123456789012:assumed-role\/reader\//);
      assert.notEqual(answer.secretAccessKey, nodeSecret);
    },
  },
  {
    name: "a role may be given as an ARN, and requested by name, annotation or ARN",
    run: async (stage) => {
      await stage.namespace("by-arn", ".*");
      const annotations = { [role]: roleArn("team/reader") };
      const pod = await stage.pod({ namespace: "by-arn", name: "web", annotations });
      const listed = await finalAnswer(() => pod.list());
      assert.deepEqual([listed.status, listed.body], [200, "reader"]);
      const names = ["reader", roleArn("team/reader")];
      for (const name of names) assert.equal((await pod.credentials(name)).status, 200, name);
      assert.equal((await pod.credentials("writer")).status, 403);
    },
  },
  {
    name:
      "the role of the ServiceAccount and the namespace's default are used where the pod names none",
    run: async (stage) => {
      await stage.namespace("by-account", ".*");
      await createServiceAccount(stage.api, "by-account", "builder", { [role]: "reader-build" });
      const spec = { namespace: "by-account", name: "web", serviceAccount: "builder" };
      const pod = await stage.pod(spec);
      assert.equal((await finalAnswer(() => pod.list())).body, "reader-build");
    },
  },
  {
    name: "a pod without annotation gets 404 at once and boto3 finds no credentials",
    run: async (stage) => {
      await stage.namespace("plain", permitReaders);
      const pod = await stage.pod({ namespace: "plain", name: "web" });
      const answer = await finalAnswer(() => pod.list());
      assert.equal(answer.status, 404, answer.body);
      assert.equal((await requestWithBoto(pod, stage.builds.python)).method, null);
    },
  },
  {
    name: "a namespace without permitted: 403 that says so",
    run: (stage) => denial(stage, "closed", { role: "reader", says: /permitted/ }),
  },
  {
    name: "a role that is not permitted: 403 that names it",
    run: (stage) =>
      denial(stage, "narrow", { permitted: permitReaders, role: "admin", says: /admin/ }),
  },
  {
    name: "a malformed role ARN: 403",
    run: (stage) =>
      denial(stage, "malformed", {
        permitted: ".*",
        role: "arn:aws:iam::12:role/reader",
        says: /ARN|arn/,
      }),
  },
  {
    name: "an expression that does not compile: 403 that says so",
    run: (stage) => denial(stage, "broken", { permitted: "(", role: "reader", says: /permitted/ }),
  },
  {
    name: "an expression made to backtrack: 403 at once, and other pods don't wait",
    run: async (stage) => {
      const start = performance.now();
      const permitted = `${"(a*)*".repeat(60)}x`;
      await denial(stage, "backtrack", { permitted, role: "a".repeat(60), says: /permitted/ });
      assert.ok(performance.now() - start < 60_000);
      assert.ok(stage.server.alive && stage.first.running.alive);
    },
  },
  {
    name: "IMDSv2: a token, then credentials; a forwarded request gets none",
    run: async (stage) => {
      await stage.namespace("v2", permitReaders);
      const annotations = { [role]: "reader" };
      const pod = await stage.pod({ namespace: "v2", name: "web", annotations });
      const ttl = { "X-aws-ec2-metadata-token-ttl-seconds": "60" };
      const path = "/latest/api/token";
      const token = await pod.send(path, { method: "PUT", headers: ttl });
      assert.equal(token.status, 200);
      assert.equal(token.headers["x-aws-ec2-metadata-token-ttl-seconds"], "60");
      const headers = { "X-aws-ec2-metadata-token": token.body };
      const list = "/latest/meta-data/iam/security-credentials/";
      const answer = await finalAnswer(() => pod.send(`${list}reader`, { headers }));
      assert.equal(answer.status, 200, answer.body);
      const made_up = { "X-aws-ec2-metadata-token": "made-up" };
      assert.equal((await pod.send(`${list}reader`, { headers: made_up })).status, 401);
      const forwarded = { ...ttl, "X-Forwarded-For": "10.0.0.1" };
      assert.equal((await pod.send(path, { method: "PUT", headers: forwarded })).status, 403);
      assert.equal((await pod.send(path, { method: "PUT" })).status, 400);
    },
  },
  {
    name: "a token of one pod is refused in another",
    run: async (stage) => {
      await stage.namespace("v2-two", permitReaders);
      const annotations = { [role]: "reader" };
      const one = await stage.pod({ namespace: "v2-two", name: "one", annotations });
      const two = await stage.pod({ namespace: "v2-two", name: "two", annotations });
      const ttl = { "X-aws-ec2-metadata-token-ttl-seconds": "60" };
      const token = await one.send("/latest/api/token", { method: "PUT", headers: ttl });
      const headers = { "X-aws-ec2-metadata-token": token.body };
      const path = "/latest/meta-data/iam/security-credentials/";
      await finalAnswer(() => two.list());
      assert.equal((await two.send(path, { headers })).status, 401);
    },
  },
  {
    name: "a namespace that requires IMDSv2 refuses requests without a token",
    run: async (stage) => {
      await stage.namespace("v2-only", permitReaders);
      await stage.api.patch("/api/v1/namespaces/v2-only", {
        metadata: { annotations: { "iam.amazonaws.com/imdsv2": "required" } },
      });
      const annotations = { [role]: "reader" };
      const pod = await stage.pod({ namespace: "v2-only", name: "web", annotations });
      await until("401 without a token", async () => (await pod.list()).status === 401);
      const ttl = { "X-aws-ec2-metadata-token-ttl-seconds": "60" };
      const token = await pod.send("/latest/api/token", { method: "PUT", headers: ttl });
      const headers = { "X-aws-ec2-metadata-token": token.body };
      const path = "/latest/meta-data/iam/security-credentials/reader";
      await until("credentials", async () => (await pod.send(path, { headers })).status === 200);
      assert.equal((await requestWithBoto(pod, stage.builds.python)).method, "iam-role");
    },
  },
  {
    name: "the instance id is passed on, the node's role and user data are not",
    run: async (stage) => {
      await stage.namespace("passing", permitReaders);
      const pod = await stage.pod({ namespace: "passing", name: "web" });
      const answer = await finalAnswer(() => pod.send("/latest/meta-data/instance-id"));
      assert.deepEqual([answer.status, answer.body], [200, instanceId]);
      const never = [
        "/latest/user-data",
        "/latest/meta-data/iam/info",
        "/latest/meta-data/IAM/security-credentials/node-instance-role",
        "/latest/meta-data/x/../iam/security-credentials/node-instance-role",
        "/latest//meta-data//iam/security-credentials/node-instance-role",
        "/latest/meta-data/%69am/security-credentials/node-instance-role",
        "/latest/meta-data/identity-credentials/ec2/security-credentials/ec2-instance",
      ];
      for (const path of never) {
        const got = await pod.send(path);
        assert.ok([400, 404].includes(got.status), `${path}: ${got.status} ${got.body}`);
        assert.ok(!got.body.includes(nodeSecret));
      }
    },
  },
  {
    name:
      "a pod on the host network is never identified by address, and its denial names the remedy",
    run: async (stage) => {
      await stage.namespace("on-host", permitReaders);
      const annotations = { [role]: "reader" };
      const spec = { namespace: "on-host", name: "web", annotations, hostNetwork: true };
      const pod = await stage.pod(spec);
      const answer = await pod.send("/latest/meta-data/iam/security-credentials/reader");
      assert.notEqual(answer.status, 200);
      await until("its Event", async () => {
        const events = await stage.api.text("/api/v1/namespaces/on-host/events");
        return events.includes("--container-credentials");
      });
    },
  },
];

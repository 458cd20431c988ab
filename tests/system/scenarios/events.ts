/** Events as `kubectl describe` shows them, and `explain`. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { annotateNamespace, annotatePod, requestToken } from "../cluster_objects.ts";
import type { KubeApi } from "../kube_api.ts";
import { secondFabricAddress } from "../network.ts";
import { run } from "../programs.ts";
import type { Scenario } from "../report.ts";
import { replaceFile, serverAudience, startServer, untilReady } from "../rolecall.ts";
import { roleArn, serverKubeconfig, serverOrigin, type Stage } from "../stage.ts";
import { startStsGate } from "../sts.ts";
import { until } from "../until.ts";

const role = "iam.amazonaws.com/role";
const permitted = "iam.amazonaws.com/permitted";

interface SeenEvent {
  readonly type: string;
  readonly reason: string;
  readonly message: string;
}

/** By the field selectors of `kubectl describe`. */
async function eventsOf(api: KubeApi, namespace: string, kind: string, name: string) {
  const selector = new URLSearchParams({
    fieldSelector: `involvedObject.kind=${kind},involvedObject.name=${name}`,
  });
  const list = await api.get(`/api/v1/namespaces/${namespace}/events?${selector}`);
  return list["items"] as readonly SeenEvent[];
}

function received({ type, reason, message }: SeenEvent): string {
  return `${type} ${reason}: ${message}`;
}

/** The program's own `explain`, as a person runs it. */
async function explain(stage: Stage, args: readonly string[]) {
  const { code, stdout, stderr } = await run([...stage.runtime, "explain", ...args]);
  return { code, text: stdout + stderr };
}

export const eventScenarios: readonly Scenario<Stage>[] = [
  {
    name: "events: a denied pod's Event has the same reason as its 403, once",
    run: async (stage) => {
      const { api } = stage;
      await stage.namespace("events", roleArn("other"));
      const annotations = { [role]: "reader" };
      const pod = await stage.pod({ namespace: "events", name: "web", annotations });
      await until("the denial", async () => (await pod.list()).status === 403);
      const { body } = await pod.list();
      const denied = `Warning RoleDenied: ${body.trim()}`;
      const events = () => eventsOf(api, "events", "Pod", "web");
      await until(
        "the Event",
        async () => (await events()).some((one) => received(one) === denied),
      );
      await annotateNamespace(api, "events", { [permitted]: "none" });
      await until("another", async () => (await events()).length === 2);
      await annotateNamespace(api, "events", { [permitted]: roleArn("other") });
      await stage.restartServer();
      await untilReady(stage.server, serverOrigin);
      await until("the denial again", async () => (await pod.list()).body === body);
      await annotatePod(api, "events", "web", { [role]: "a b" });
      const invalid = async () => (await events()).find(({ reason }) => reason === "RoleInvalid");
      assert.match(received(await until("the third", invalid)), /^Warning .* "a b" is not a role/);
      assert.deepEqual((await events()).filter((one) => received(one) === denied).length, 1);
    },
  },
  {
    name: "events: credentials once, and an invalid expression on its namespace",
    run: async ({ api }) => {
      await annotateNamespace(api, "events", { [permitted]: ".*" });
      await annotatePod(api, "events", "web", { [role]: "reader" });
      const ready = async () =>
        (await eventsOf(api, "events", "Pod", "web")).filter(({ reason }) =>
          reason === "CredentialsReady"
        );
      const [event] = await until("the Event", async () => {
        const found = await ready();
        return found.length > 0 ? found : undefined;
      });
      assert.equal(
        received(event!),
        `Normal CredentialsReady: credentials of ${roleArn("reader")} are ready`,
      );
      await annotateNamespace(api, "events", { [permitted]: "(" });
      const broken = await until(
        "the namespace's",
        async () => (await eventsOf(api, "events", "Namespace", "events"))[0],
      );
      assert.match(received(broken), /^Warning PermittedInvalid: .*is not RE2 syntax/);
      assert.equal((await ready()).length, 1);
    },
  },
  {
    name: "events: STS's refusal is an Event on the pod, once, with the pod's own message",
    run: async (stage) => {
      const { api, folders } = stage;
      const gate = await startStsGate();
      try {
        gate.untrusting.add(roleArn("untrusting"));
        await stage.server.stop();
        const options = { name: "server", kubeconfig: serverKubeconfig(folders) };
        const flags = [`--sts-endpoint=${gate.url}`];
        stage.server = startServer(stage.runtime, folders, { ...options, flags });
        await untilReady(stage.server, serverOrigin);
        await stage.namespace("refused", ".*");
        const annotations = { [role]: "untrusting", "iam.amazonaws.com/external-id": "s3cret" };
        const pod = await stage.pod({ namespace: "refused", name: "web", annotations });
        await until("the refusal", async () => (await pod.list()).status === 403);
        const { body } = await pod.list();
        assert.match(body, /STS denies .*role\/untrusting: .*trust policy/);
        const seen = async () => (await eventsOf(api, "refused", "Pod", "web")).map(received);
        const refused = `Warning CredentialsFailed: ${body.trim()}`;
        await until("the Event", async () => (await seen()).includes(refused));
        gate.untrusting.clear();
        await annotateNamespace(api, "refused", { [permitted]: ".*untrusting" });
        await until("the credentials", async () => (await pod.list()).body === "untrusting");
        const ready = `Normal CredentialsReady: credentials of ${roleArn("untrusting")} are ready`;
        await until("the other Event", async () => (await seen()).includes(ready));
        assert.deepEqual((await seen()).toSorted(), [ready, refused].toSorted());
      } finally {
        await stage.restartServer();
        await gate.close();
      }
      await untilReady(stage.server, serverOrigin);
    },
  },
  {
    name: "explain: a replica without an agent knows what the other replica serves",
    run: async (stage) => {
      const { api, folders } = stage;
      await stage.namespace("explained", roleArn("reader"));
      const annotations = { [role]: "reader" };
      await stage.pod({ namespace: "explained", name: "web", annotations });
      await stage.pod({ namespace: "explained", name: "web-2", annotations }, stage.second.node);
      await stage.pod({ namespace: "explained", name: "bad", annotations: { [role]: "admin" } });
      const account = { namespace: "rolecall", serviceAccount: "rolecall-server" };
      const tokenFile = join(folders.state, "replica.token");
      replaceFile(tokenFile, await requestToken(api, { ...account, audience: serverAudience }));
      const other = startServer(stage.runtime, folders, {
        name: "server-explaining",
        address: secondFabricAddress,
        kubeconfig: serverKubeconfig(folders),
        flags: ["--status-listen=127.0.0.1:9633", `--token-file=${tokenFile}`],
      });
      try {
        await untilReady(other, `http://${secondFabricAddress}:9621`);
        const from = "--server-status=http://127.0.0.1:9633";
        for (const name of ["web", "web-2"]) {
          const text = await until(`${name} explained, after its agent's report`, async () => {
            const { code, text } = await explain(stage, [`explained/${name}`, from]);
            assert.equal(code, 0, text);
            assert.match(text, /ok +agent +rolecall-agent-\S+ on \S+, redirect iptables/);
            return text;
          });
          assert.match(text, /ok +credentials +access key ASIA\w+ until/);
        }
        const bad = await explain(stage, ["explained/bad", from]);
        assert.deepEqual([bad.code, /FAIL +role ARN/.test(bad.text)], [3, true], bad.text);
        assert.equal((await explain(stage, ["explained/none", from])).code, 4);
        const all = await explain(stage, ["--all", from]);
        assert.match(all.text, /NotPermitted: namespace explained: [^]*\n {2}explained\/bad\n/);
        assert.doesNotMatch(all.text, /didn't answer/);
        assert.equal(all.code, 3);
      } finally {
        assert.equal(await other.stop(), 0);
      }
    },
  },
  {
    name: "explain: with only a kubeconfig it judges by policy, with the server's permissions",
    run: async (stage) => {
      const base = `--role-base-arn=${roleArn("")}`;
      const from = `--kubeconfig=${serverKubeconfig(stage.folders)}`;
      const good = await explain(stage, ["explained/web", from, base]);
      assert.match(good.text, /may have its role[^]*- +agent +not checked/);
      assert.equal(good.code, 0);
      const bad = await explain(stage, ["explained/bad", from, base, "--output=json"]);
      assert.equal(JSON.parse(bad.text).reason, "NotPermitted");
      assert.equal(bad.code, 3);
      const all = await explain(stage, ["--all", from, base]);
      assert.match(all.text, /explained\/bad/);
      const migrate = [...stage.runtime, "migrate", "check", from, base, "--from=kiam-v4"];
      const { code, stdout } = await run(migrate);
      assert.match(stdout, /^\d+ pods compared with kiam-v4/);
      assert.ok(code === 0 || code === 3, stdout);
    },
  },
];

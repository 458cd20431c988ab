/** Roles assumed with ServiceAccounts' tokens: the fence around them, and a server without AWS rights. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { createServiceAccount, podPath } from "../cluster_objects.ts";
import { startEnforcingSts } from "../enforcing_sts.ts";
import { KubeFault } from "../kube_api.ts";
import { applyFiles } from "../manifests.ts";
import type { Scenario } from "../report.ts";
import { startServer, untilReady } from "../rolecall.ts";
import { roleArn, serverKubeconfig, serverOrigin, type Stage } from "../stage.ts";
import { account } from "../sts.ts";
import { until } from "../until.ts";

const role = "iam.amazonaws.com/role";
const label = "rolecall.dev/service-account-tokens";
const component = fileURLToPath(
  new URL("../../../deploy/kustomize/components/federated", import.meta.url),
);
const policyPath = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies/" +
  "rolecall-service-account-tokens";

/** Two namespaces, each with a pod of ServiceAccount `cart`; only `federated` takes part. */
async function prepare(stage: Stage) {
  await applyFiles(stage.api, component, ["token_policy.yaml", "token_rbac.yaml"]);
  const uids: Record<string, string> = {};
  for (const name of ["federated", "aside"]) {
    await stage.namespace(name, ".*");
    await createServiceAccount(stage.api, name, "cart");
    const annotations = { [role]: "cart" };
    const spec = { namespace: name, name: "web", serviceAccount: "cart", annotations };
    uids[name] = (await stage.pod(spec)).uid;
  }
  const labels = { [label]: "allowed" };
  await stage.api.patch("/api/v1/namespaces/federated", { metadata: { labels } });
  return uids;
}

interface Spec {
  readonly audiences?: readonly string[];
  readonly expirationSeconds?: number;
  readonly boundObjectRef?: object;
}

const sts = ["sts.amazonaws.com"];

export const federated: readonly Scenario<Stage>[] = [
  {
    name: "federated: the server's token can create only the allowed tokens",
    run: async (stage) => {
      const uids = await prepare(stage);
      const server = stage.api.as("system:serviceaccount:rolecall:rolecall-server");
      const bound = (namespace: string) => ({
        apiVersion: "v1",
        kind: "Pod",
        name: "web",
        uid: uids[namespace],
      });
      const request = (namespace: string, name: string, spec: Spec) =>
        server.create(`/api/v1/namespaces/${namespace}/serviceaccounts/${name}/token`, {
          apiVersion: "authentication.k8s.io/v1",
          kind: "TokenRequest",
          spec,
        });
      const good = { audiences: sts, expirationSeconds: 600, boundObjectRef: bound("federated") };
      const made = await until("the right is granted", async () => {
        return await request("federated", "cart", good).catch(() => undefined);
      });
      assert.ok((made["status"] as { token: string }).token);
      // The API server applies a new policy up to seconds later than a new right.
      const wide = { ...good, audiences: [...sts, "rolecall-server"] };
      await until("the policy is applied", async () => {
        const fault = await request("federated", "cart", wide).then(() => null, (thrown) => thrown);
        return fault instanceof KubeFault && fault.status === 403 ? fault : undefined;
      });
      const secret = { apiVersion: "v1", kind: "Secret", name: "x" };
      const node = { apiVersion: "v1", kind: "Node", name: stage.first.node.name };
      const attempts: readonly (readonly [string, string, Spec])[] = [
        ["federated", "cart", { ...good, audiences: ["https://kubernetes.default.svc"] }],
        ["federated", "cart", wide],
        ["federated", "cart", { ...good, audiences: [] }],
        ["federated", "cart", { expirationSeconds: 600, boundObjectRef: bound("federated") }],
        ["federated", "cart", { audiences: sts, expirationSeconds: 600 }],
        ["federated", "cart", { ...good, boundObjectRef: secret }],
        ["federated", "cart", { ...good, boundObjectRef: node }],
        ["federated", "cart", { ...good, expirationSeconds: 601 }],
        ["federated", "cart", { ...good, expirationSeconds: 86_400 }],
        ["federated", "cart", { audiences: sts, boundObjectRef: bound("federated") }],
        ["aside", "cart", { ...good, boundObjectRef: bound("aside") }],
        ["rolecall", "rolecall-server", { audiences: sts, expirationSeconds: 600 }],
      ];
      for (const [namespace, name, spec] of attempts) {
        const fault = await request(namespace, name, spec).then(() => null, (thrown) => thrown);
        assert.ok(fault instanceof KubeFault, `${namespace} ${JSON.stringify(spec)}: it was given`);
        assert.equal(fault.status, 403, fault.message);
      }
      const wrongPod = { ...good, boundObjectRef: { ...bound("federated"), uid: uids["aside"] } };
      for (const [name, spec] of [["default", good], ["cart", wrongPod]] as const) {
        const fault = await request("federated", name, spec).then(() => null, (thrown) => thrown);
        assert.ok(fault instanceof KubeFault, "another ServiceAccount's pod");
      }
      const optIn = { metadata: { labels: { [label]: "allowed" } } };
      const own = await server.patch("/api/v1/namespaces/aside", optIn).then(() => null, (t) => t);
      assert.ok(own instanceof KubeFault && own.status === 403, "it can't opt a namespace in");
      for (const path of [policyPath, policyPath.replace("policies", "policybindings")]) {
        const weaken = () => server.patch(path, { spec: { failurePolicy: "Ignore" } });
        for (const attempt of [weaken, () => server.remove(path)]) {
          const refused = await attempt().then(() => null, (thrown) => thrown);
          assert.ok(refused instanceof KubeFault && refused.status === 403, "nor change the fence");
        }
      }
      server.close();
    },
  },
  {
    name:
      "federated: a server without AWS credentials gives pods their roles, until the fence is changed",
    run: async (stage) => {
      const subject = "system:serviceaccount:federated:cart";
      const enforcing = await startEnforcingSts(stage.api, { cart: subject, other: "nobody" });
      await stage.server.stop();
      const leaked = stage.metadata.leaks().length;
      // No credentials at all, and none that it looks for.
      const options = { name: "server", kubeconfig: serverKubeconfig(stage.folders), env: {} };
      const flags = [
        "--assume-with=service-account",
        "--irsa-annotations",
        `--role-base-arn=arn:aws:iam::${account}:role/`,
        `--sts-endpoint=${enforcing.url}`,
      ];
      stage.server = startServer(stage.runtime, stage.folders, { ...options, flags });
      try {
        await untilReady(stage.server, serverOrigin);
        const cart = await stage.pod({
          namespace: "federated",
          name: "cart",
          serviceAccount: "cart",
          annotations: { [role]: "cart" },
        });
        await until("the role", async () => (await cart.list()).body === "cart");
        const { AccessKeyId } = JSON.parse((await cart.credentials("cart")).body);
        assert.match(AccessKeyId, /^ASIAROLECALLDEV/);
        const pods = [
          ["other", "federated", "default", "cart", /STS denies .*AssumeRoleWithWebIdentity/],
          ["aside", "aside", "cart", "cart", /label namespace aside with rolecall.dev/],
        ] as const;
        for (const [name, namespace, serviceAccount, wanted, reason] of pods) {
          const annotations = { [role]: wanted };
          const pod = await stage.pod({ namespace, name, serviceAccount, annotations });
          await until(`${name}'s denial`, async () => (await pod.list()).status === 403);
          assert.match((await pod.list()).body, reason);
        }
        await createServiceAccount(stage.api, "federated", "irsa", {
          "eks.amazonaws.com/role-arn": roleArn("other"),
        });
        const irsa = await stage.pod({
          namespace: "federated",
          name: "irsa",
          serviceAccount: "irsa",
        });
        await until("IRSA's role", async () => /role\/other/.test((await irsa.list()).body));
        assert.match(stage.server.log(), new RegExp(`"tokenSubject":"${subject}"`));
        assert.doesNotMatch(stage.server.log(), /eyJ/, "no token in the log");
        assert.deepEqual(stage.metadata.leaks().slice(leaked), [], "the node's role");

        const { spec } = await stage.api.get(policyPath) as unknown as {
          spec: { validations: unknown[] };
        };
        await stage.api.patch(policyPath, { spec: { validations: spec.validations.slice(1) } });
        const late = async (name: string) => {
          await createServiceAccount(stage.api, "federated", name);
          const annotations = { [role]: "cart" };
          return stage.pod({ namespace: "federated", name, serviceAccount: name, annotations });
        };
        let count = 0;
        await until("the changed fence to be noticed", async () => {
          const pod = await late(`late-${count++}`);
          await until("a denial", async () => (await pod.list()).status === 403);
          return /differs from the component's \(spec.validations lacks/.test(
            (await pod.list()).body,
          );
        }, { within: 120_000, every: 10_000 });
        assert.equal((await cart.list()).body, "cart", "what it has stays");
        await stage.api.remove(podPath("federated", "web"));
      } finally {
        await applyFiles(stage.api, component, ["token_policy.yaml"]);
        await stage.restartServer();
        await enforcing.close();
      }
      await untilReady(stage.server, serverOrigin);
    },
  },
];

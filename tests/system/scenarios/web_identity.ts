/** The life of sessions that are assumed with ServiceAccounts' tokens, by a server without rights at AWS. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { annotateNamespace, createServiceAccount, podPath } from "../cluster_objects.ts";
import { applyFiles } from "../manifests.ts";
import type { TestPod } from "../pod.ts";
import type { Scenario } from "../report.ts";
import { page, untilReady } from "../rolecall.ts";
import { serverOrigin, type Stage } from "../stage.ts";
import { until } from "../until.ts";

/** What the scenarios of such a stage need; every other role trusts nobody. */
export const federatedRoles = {
  reader: "system:serviceaccount:*:default",
  "team/reader": "system:serviceaccount:by-arn:default",
  "reader-build": "system:serviceaccount:by-account:builder",
  worker: "system:serviceaccount:tokens:*",
};

const role = "iam.amazonaws.com/role";
const component = fileURLToPath(
  new URL("../../../deploy/kustomize/components/federated", import.meta.url),
);
const namespace = "tokens";
/** Sessions this short are renewed after 4 to 6 seconds. */
const shortSeconds = 14;

/** A pod of a ServiceAccount with role `worker`. */
function worker(stage: Stage, name: string, serviceAccount: string): Promise<TestPod> {
  return stage.pod({ namespace, name, serviceAccount, annotations: { [role]: "worker" } });
}

async function accessKey(pod: TestPod): Promise<string | undefined> {
  const { status, body } = await pod.credentials("worker");
  return status === 200 ? JSON.parse(body).AccessKeyId : undefined;
}

function exchangesOf(stage: Stage, serviceAccount: string) {
  const subject = `system:serviceaccount:${namespace}:${serviceAccount}`;
  return stage.enforcingSts.exchanges.filter((one) => one.subject === subject);
}

async function withShortSessions(stage: Stage, use: () => Promise<void>): Promise<void> {
  stage.enforcingSts.sessionSeconds = shortSeconds;
  try {
    await use();
  } finally {
    stage.enforcingSts.sessionSeconds = null;
  }
}

const folder = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolic";
const policy = `${folder}ies/rolecall-service-account-tokens`;
const binding = `${folder}ybindings/rolecall-service-account-tokens`;
const spec = (changes: object) => ({ spec: changes });

/** What makes the policy on token requests weaker, and the part that the server names. */
const weakenings: readonly (readonly [path: string, change: object, part: RegExp])[] = [
  [policy, spec({ failurePolicy: "Ignore" }), /spec\.failurePolicy/],
  [
    policy,
    spec({ matchConditions: [{ name: "never", expression: "false" }] }),
    /spec\.matchConditions/,
  ],
  [
    policy,
    spec({
      matchConstraints: {
        resourceRules: [{
          apiGroups: [""],
          apiVersions: ["v1"],
          operations: ["CREATE"],
          resources: ["serviceaccounts/token"],
          scope: "Cluster",
        }],
      },
    }),
    /spec\.matchConstraints/,
  ],
  [binding, spec({ validationActions: ["Audit"] }), /no Deny/],
  [
    binding,
    spec({ matchResources: { namespaceSelector: { matchLabels: { a: "b" } } } }),
    /binding: spec\.matchResources/,
  ],
];

export const webIdentity: readonly Scenario<Stage>[] = [
  {
    name: "tokens: the server's own identity may assume nothing",
    run: async (stage) => {
      await stage.namespace("by-server", ".*");
      await annotateNamespace(stage.api, "by-server", {
        "iam.amazonaws.com/assume-with": "server",
      });
      const annotations = { [role]: "reader" };
      const pod = await stage.pod({ namespace: "by-server", name: "web", annotations });
      await until("the denial", async () => (await pod.list()).status === 403);
      assert.match((await pod.list()).body, /^STS denies .*sts:AssumeRole to /);
    },
  },
  {
    name: "tokens: one session for all pods of a ServiceAccount",
    run: async (stage) => {
      await stage.namespace(namespace, ".*");
      await createServiceAccount(stage.api, namespace, "sharing");
      const pods = [
        await worker(stage, "sharing-0", "sharing"),
        await worker(stage, "sharing-1", "sharing"),
      ];
      for (const pod of pods) await until("credentials", () => accessKey(pod));
      assert.equal(exchangesOf(stage, "sharing").length, 1);
      for (const { spec } of pods) await stage.api.remove(podPath(namespace, spec.name));
    },
  },
  {
    name: "tokens: the session is renewed for all of them, with a token of its own",
    run: async (stage) => {
      await createServiceAccount(stage.api, namespace, "renewing");
      await withShortSessions(stage, async () => {
        const pods = [
          await worker(stage, "renewing-0", "renewing"),
          await worker(stage, "renewing-1", "renewing"),
        ];
        const shared = async () => {
          const [one, other] = await Promise.all(pods.map(accessKey));
          return one === other ? one : undefined;
        };
        const first = await until("the same credentials", shared);
        await until("others, for both", async () => {
          const renewed = await shared();
          return renewed !== undefined && renewed !== first;
        });
        const tokens = exchangesOf(stage, "renewing").map(({ token }) => token);
        assert.equal(new Set(tokens).size, tokens.length);
        for (const { spec } of pods) await stage.api.remove(podPath(namespace, spec.name));
      });
    },
  },
  {
    name: "tokens: a pod ends while its token is used, and the next renewal has another pod's",
    run: async (stage) => {
      await createServiceAccount(stage.api, namespace, "ending");
      const held = Promise.withResolvers<void>();
      stage.enforcingSts.held = held.promise;
      await withShortSessions(stage, async () => {
        const first = await worker(stage, "ending-0", "ending");
        await until("the exchange", () => exchangesOf(stage, "ending").length > 0);
        const second = await worker(stage, "ending-1", "ending");
        await stage.api.remove(podPath(namespace, "ending-0"));
        held.resolve();
        await until("the other's credentials", () => accessKey(second));
        await until("a renewal", () => exchangesOf(stage, "ending").length > 1);
        const [one, other] = exchangesOf(stage, "ending");
        assert.deepEqual([one?.podUid, other?.podUid], [first.uid, second.uid]);
        await stage.api.remove(podPath(namespace, "ending-1"));
      }).finally(() => held.resolve());
    },
  },
  {
    name: "tokens: after the last pod of a ServiceAccount none is requested for it",
    run: async (stage) => {
      await createServiceAccount(stage.api, namespace, "last");
      await createServiceAccount(stage.api, namespace, "staying");
      await withShortSessions(stage, async () => {
        const last = await worker(stage, "last", "last");
        await until("credentials", () => accessKey(last));
        await stage.api.remove(podPath(namespace, "last"));
        await until("no answer", async () => (await last.list()).status === 503);
        const before = exchangesOf(stage, "last").length;
        // Renewed as often as the last one's would have been.
        await worker(stage, "staying", "staying");
        await until("two renewals", () => exchangesOf(stage, "staying").length > 2);
        assert.equal(exchangesOf(stage, "last").length, before);
        await stage.api.remove(podPath(namespace, "staying"));
      });
    },
  },
  {
    name: "tokens: a ServiceAccount is deleted, and comes back for its pod",
    run: async (stage) => {
      const path = `/api/v1/namespaces/${namespace}/serviceaccounts/gone`;
      await createServiceAccount(stage.api, namespace, "gone");
      await withShortSessions(stage, async () => {
        const pod = await worker(stage, "gone", "gone");
        await until("credentials", () => accessKey(pod));
        await stage.api.remove(path);
        const ended = async () => (await pod.credentials("worker")).status === 503;
        await until("the end of its session", ended);
        const other = await worker(stage, "other", "default");
        await until("others are unaffected", () => accessKey(other));
        const events = () => stage.api.text(`/api/v1/namespaces/${namespace}/events`);
        await until("its Event", async () => {
          return (await events()).includes(
            `serviceaccount ${namespace}/gone has no running pod that a token can be bound to, or is deleted`,
          );
        });
        await createServiceAccount(stage.api, namespace, "gone");
        await until("credentials again", () => accessKey(pod), { every: 500 });
      });
    },
  },
  {
    name: "tokens: the server isn't ready while the policy is missing or weaker, and says why",
    run: async (stage) => {
      const restored = () => applyFiles(stage.api, component, ["token_policy.yaml"]);
      const notReady = async (part: RegExp) => {
        await stage.restartServer();
        await until(`not ready: ${part}`, async () => {
          const { status, text } = await page(`${serverOrigin}/readyz`);
          return status === 503 && part.test(text);
        });
      };
      try {
        for (const [path, change, part] of weakenings) {
          await stage.api.patch(path, change);
          await notReady(part);
          await stage.api.remove(path);
          await restored();
        }
        await stage.api.remove(binding);
        await notReady(/its binding is missing; apply the component federated as it is/);
      } finally {
        await restored();
        await untilReady(stage.server, serverOrigin, 40_000);
      }
    },
  },
];

/**
 * The components `admission` and `admission-all` on a real API server: verdicts and words are those
 * of `src/policy`, over the whole table of expressions and over roles of every wrong kind.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";
import { createPolicy } from "../../../src/policy/decide.ts";
import type { PolicySettings } from "../../../src/policy/facts.ts";
import { namespaceFacts, podFacts } from "../../fakes/facts.ts";
import { policySettings } from "../../fakes/policy_settings.ts";
import { createServiceAccount, podPath } from "../cluster_objects.ts";
import type { Attempt, KubeApi } from "../kube_api.ts";
import { applyFiles } from "../manifests.ts";
import type { Scenario } from "../report.ts";
import type { Stage } from "../stage.ts";
import { until } from "../until.ts";

const base = "arn:aws:iam::111122223333:role/";
const key = "iam.amazonaws.com/role";
const permittedKey = "iam.amazonaws.com/permitted";
const folder = fileURLToPath(
  new URL("../../../deploy/kustomize/components/admission", import.meta.url),
);
const table = new URL("../../policy/permitted_vectors.json", import.meta.url);

interface Vectors {
  readonly arns: readonly string[];
  readonly outcomes: readonly { readonly expression: string }[];
}

/** Go's engine takes these and ours doesn't: let in here, refused with a reason by the server. */
const leftToTheServer = new Set([
  "(?P<n>a)(?P<n>b)|.*",
  "(?P<n>.*)|(?<n>x)",
  "\\p{Letter}.*",
  "\\p{ASCII}+",
  "\\p{latin}+.*",
  ".{0,1000}",
  ".{0,1000}.{0,1000}",
  "((.{0,10}){0,10}){0,10}",
  "(.{0,30}){0,30}(.{0,30}){0,30}",
]);

const settings: PolicySettings = { ...policySettings, roleBaseArn: base };

async function namespace(api: KubeApi, name: string, permitted: string | null): Promise<void> {
  const annotations = permitted === null ? {} : { [permittedKey]: permitted };
  const labels = { "rolecall/admission": "enforce" };
  const metadata = { name, labels, annotations };
  await api.create("/api/v1/namespaces", { apiVersion: "v1", kind: "Namespace", metadata });
  await createServiceAccount(api, name, "default");
}

const spec = { containers: [{ name: "main", image: "example.test/app:1" }] };

function tryPod(api: KubeApi, space: string, role: string): Promise<Attempt> {
  const metadata = { name: "web", annotations: { [key]: role } };
  return api.attempt(podPath(space), { apiVersion: "v1", kind: "Pod", metadata, spec });
}

/** What the server would say; null where it gives the role. */
function denialOf(permitted: string | null, role: string, space: string): string | null {
  const pod = podFacts({ namespace: space, name: "web", role });
  const facts = namespaceFacts({ name: space, permitted });
  const decision = policy.decide(pod, facts, undefined);
  return decision.kind === "denied" ? decision.denial.message : null;
}

const policy = createPolicy(settings);

/** Messages that differ from the server's; for invalid expressions, the API server's own are fine. */
function disagreement(attempt: Attempt, denial: string | null): string | null {
  const { status, message } = attempt;
  const says = `${status} ${message}`;
  if (denial === null) return status === 201 ? null : `let in by policy, but ${says}`;
  if (status !== 403 && status !== 422) return `${denial}, but ${says}`;
  if (/ is not RE2 syntax: | expands to more than /.test(denial)) {
    return /error parsing regexp|not match the whole/.test(message) ? null : says;
  }
  const expected = `denied request: ${plain(denial)}`;
  return plain(message).endsWith(expected) ? null : `${expected}, but ${message}`;
}

/** Foreign characters are escaped by policy, which leaves room for fewer, and replaced in CEL. */
function plain(text: string): string {
  return text.replaceAll(/\\u[0-9a-f]{4}/g, "?").replaceAll(/\?+(?:\.\.\.\?+)?/g, "?");
}

const bindings = ["rolecall-roles-pods", "rolecall-roles-templates"];
const bindingsPath = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings";

/** The one patch of the component admission-all, as a merge patch, and the names it is for. */
function everywhere(): { target: RegExp; change: object } {
  const text = readFileSync(`${folder}-all/kustomization.yaml`, "utf8");
  const { patches } = parse(text) as {
    readonly patches: readonly { readonly target: { name: string }; readonly patch: string }[];
  };
  assert.equal(patches.length, 1);
  const { target, patch } = patches[0]!;
  const [{ op, path }, ...more] = parse(patch);
  assert.deepEqual([op, more], ["remove", []]);
  const keys: string[] = path.split("/").slice(1);
  const change = keys.reduceRight<unknown>((inner, name) => ({ [name]: inner }), null);
  return { target: new RegExp(`^${target.name}$`), change: change as object };
}

/** Eight at a time, as many as the connection has sockets. */
async function each<T>(items: readonly T[], run: (item: T, index: number) => Promise<void>) {
  const queue = items.map((item, index) => ({ item, index }));
  const worker = async () => {
    for (let next = queue.shift(); next; next = queue.shift()) await run(next.item, next.index);
  };
  await Promise.all(Array.from({ length: 8 }, worker));
}

const malformed = [
  "a b",
  " ",
  "reader\n",
  "r\u0435ader",
  "x".repeat(65),
  "arn:x",
  "ARN:aws:iam::111122223333:role/reader",
  "arn:aws:s3:::bucket",
  "arn:aws:iam::111122223333:user/reader",
  "arn:aws:iam:eu-west-1:111122223333:role/reader",
  "arn:azure:iam::111122223333:role/reader",
  "arn:aws:iam::1111:role/reader",
  "arn:aws:iam::111122223333:role/*",
  "arn:aws:iam::111122223333:role/" + "p/".repeat(300) + "reader",
  "arn:aws:iam::111122223333:role/" + "\u{1f600}".repeat(40),
  "y".repeat(65_536),
];

// role, expression, whether it is let in
const named = [
  ["reader", base + "reader", true],
  ["/team/reader", base + "team/.*", true],
  ["reader", "reader", false],
  ["arn:aws-cn:iam::111122223333:role/reader", "arn:aws-cn:.*", true],
  ["reader", "x".repeat(1025), false],
  ["reader", ".*|" + "\u00e9".repeat(600), false],
  ["reader", "\\Q" + base + "reader", true],
  ["reader", "\\Q" + base + "other", false],
  ["reader", "\\\\Q|.*", true],
  ["reader", null, false],
  ["reader", "", false],
] as const;

const templates = [
  ["Deployment", "/apis/apps/v1/namespaces/NS/deployments", "apps/v1"],
  ["StatefulSet", "/apis/apps/v1/namespaces/NS/statefulsets", "apps/v1"],
  ["DaemonSet", "/apis/apps/v1/namespaces/NS/daemonsets", "apps/v1"],
  ["ReplicaSet", "/apis/apps/v1/namespaces/NS/replicasets", "apps/v1"],
  ["ReplicationController", "/api/v1/namespaces/NS/replicationcontrollers", "v1"],
  ["Job", "/apis/batch/v1/namespaces/NS/jobs", "batch/v1"],
  ["CronJob", "/apis/batch/v1/namespaces/NS/cronjobs", "batch/v1"],
] as const;

function workload(kind: string, apiVersion: string, role: string): object {
  const labels = { app: "web" };
  const template = { metadata: { labels, annotations: { [key]: role } }, spec };
  const restarting = { ...template, spec: { ...spec, restartPolicy: "Never" } };
  const selector = kind === "ReplicationController" ? labels : { matchLabels: labels };
  const usual = { selector, template };
  const specs: Readonly<Record<string, object>> = {
    StatefulSet: { ...usual, serviceName: "web" },
    Job: { template: restarting },
    CronJob: { schedule: "0 0 * * *", jobTemplate: { spec: { template: restarting } } },
  };
  return { apiVersion, kind, metadata: { name: "web" }, spec: specs[kind] ?? usual };
}

export const admission: readonly Scenario<Stage>[] = [
  {
    name: "admission: a pod with a role that isn't permitted is refused with the server's message",
    run: async ({ api }) => {
      await applyFiles(api, folder, ["policy.yaml", "bindings.yaml", "settings.yaml"]);
      const path = "/api/v1/namespaces/rolecall/configmaps/rolecall-admission";
      await api.patch(path, { data: { "role-base-arn": base } });
      await namespace(api, "admitted", base + "reader");
      await until("the policy in force", async () => {
        const { status, message } = await tryPod(api, "admitted", "admin");
        return status !== 201 && message.includes(`${base}admin`);
      });
      const attempt = await tryPod(api, "admitted", "admin");
      const denial = denialOf(base + "reader", "admin", "admitted");
      assert.equal(disagreement(attempt, denial), null);
      assert.equal((await tryPod(api, "admitted", "reader")).status, 201);
      assert.equal((await tryPod(api, "admitted", "")).status, 201);
    },
  },
  {
    name: "admission: namespaces without the label aren't checked",
    run: async (stage) => {
      await stage.namespace("not-admitted");
      assert.equal((await tryPod(stage.api, "not-admitted", "admin")).status, 201);
    },
  },
  {
    name: "admission: every kind of malformed role and expression",
    run: async ({ api }) => {
      const wrong: string[] = [];
      const check = async (space: string, permitted: string | null, role: string) => {
        const found = disagreement(
          await tryPod(api, space, role),
          denialOf(permitted, role, space),
        );
        if (found !== null) wrong.push(found.slice(0, 600));
        return found;
      };
      await namespace(api, "admission-malformed", ".*");
      await each(malformed, async (role) => {
        assert.notEqual(denialOf(".*", role, "admission-malformed"), null);
        await check("admission-malformed", ".*", role);
      });
      await each(named, async ([role, permitted, letIn], index) => {
        const space = `admission-named-${index}`;
        await namespace(api, space, permitted);
        assert.equal(denialOf(permitted, role, space) === null, letIn);
        await check(space, permitted, role);
      });
      await namespace(api, "admission-broken", "arn:(");
      const { status, message } = await tryPod(api, "admission-broken", "reader");
      assert.match(`${status} ${message}`, /^422 .*permitted.*missing closing \): `arn:\(`/);
      assert.deepEqual(wrong, []);
    },
  },
  {
    name: "admission: workloads are accepted with the same message as a warning",
    run: async ({ api }) => {
      for (const [kind, path, apiVersion] of templates) {
        const at = path.replace("NS", "admitted");
        const good = await api.attempt(at, workload(kind, apiVersion, "reader"));
        assert.deepEqual([kind, good.status, good.warnings], [kind, 201, []], good.message);
        const bad = await api.attempt(at, workload(kind, apiVersion, "admin"));
        const denial = denialOf(base + "reader", "admin", "admitted");
        assert.equal(bad.status, 201, bad.message);
        assert.ok(bad.warnings.some((text) => text.endsWith(denial!)), `${kind} ${bad.warnings}`);
      }
    },
  },
  {
    name: "admission: an existing pod stays unchanged when its namespace withdraws its role",
    run: async ({ api }) => {
      await namespace(api, "admission-withdrawn", ".*");
      const metadata = { name: "web", annotations: { [key]: "reader" } };
      const path = podPath("admission-withdrawn");
      await api.create(path, { apiVersion: "v1", kind: "Pod", metadata, spec });
      const withdrawn = { metadata: { annotations: { [permittedKey]: "none" } } };
      await api.patch("/api/v1/namespaces/admission-withdrawn", withdrawn);
      await until(
        "the withdrawal",
        async () => (await tryPod(api, "admission-withdrawn", "reader")).status !== 201,
      );
      await api.patch(`${path}/web`, { metadata: { labels: { touched: "yes" } } });
      const change = api.patch(`${path}/web`, { metadata: { annotations: { [key]: "other" } } });
      await assert.rejects(change, /does not match the whole/);
    },
  },
  {
    name: "admission: follows the server's settings, and accepts what it can't check",
    run: async ({ api }) => {
      const path = "/api/v1/namespaces/rolecall/configmaps/rolecall-admission";
      const usual = { "role-base-arn": base, "permitted-match": "arn", "allowed-roles": "false" };
      const becomes = async (data: object, space: string, role: string, letIn: boolean) => {
        await api.patch(path, { data: { ...usual, ...data } });
        await until(
          `${JSON.stringify(data)} in force for ${role}`,
          async () => (await tryPod(api, space, role)).status === 201 === letIn,
        );
      };
      await namespace(api, "admission-by-name", "team/reader");
      await becomes({ "permitted-match": "name" }, "admission-by-name", "team/reader", true);
      const foreign = "arn:aws:iam::999988887777:role/team/reader";
      assert.equal((await tryPod(api, "admission-by-name", foreign)).status, 403);
      await becomes({}, "admission-by-name", "team/reader", false);
      await becomes({ "role-base-arn": "" }, "admission-by-name", "team/reader", true);
      assert.equal((await tryPod(api, "admission-by-name", "no role")).status, 403);
      await becomes(
        { "role-base-arn": base.slice(0, -1) },
        "admission-by-name",
        "team/reader",
        false,
      );
      const listed = { metadata: { annotations: { "iam.amazonaws.com/allowed-roles": "[]" } } };
      await api.patch("/api/v1/namespaces/admission-by-name", listed);
      await becomes({ "allowed-roles": "true" }, "admission-by-name", "team/reader", true);
      await becomes({}, "admission-by-name", "team/reader", false);
    },
  },
  {
    name: "admission-all: namespaces without the label are checked too",
    run: async (stage) => {
      const { api } = stage;
      await stage.namespace("unlabelled", base + "reader");
      const isJudged = async () => (await tryPod(api, "unlabelled", "admin")).status === 403;
      const { target, change } = everywhere();
      for (const name of bindings) {
        assert.match(name, target);
        await api.patch(`${bindingsPath}/${name}`, change);
      }
      try {
        await until("every namespace judged", isJudged);
        const bad = await tryPod(api, "unlabelled", "admin");
        const denial = denialOf(base + "reader", "admin", "unlabelled");
        assert.equal(disagreement(bad, denial), null);
        const [, path, apiVersion] = templates[0];
        const at = path.replace("NS", "unlabelled");
        const warned = await api.attempt(at, workload("Deployment", apiVersion, "admin"));
        assert.deepEqual([warned.status, warned.warnings.length], [201, 1], warned.message);
        assert.equal((await tryPod(api, "unlabelled", "reader")).status, 201);
      } finally {
        await applyFiles(api, folder, ["bindings.yaml"]);
      }
    },
  },
  {
    name: "admission: agrees with the policy over the whole table of expressions and ARNs",
    run: async ({ api }) => {
      const { arns, outcomes }: Vectors = JSON.parse(readFileSync(table, "utf8"));
      const wrong: string[] = [];
      await each(outcomes, async ({ expression }, index) => {
        if (leftToTheServer.has(expression)) return;
        const space = `admission-vector-${index}`;
        await namespace(api, space, expression);
        for (const arn of arns) {
          const denial = denialOf(expression, arn, space);
          const found = disagreement(await tryPod(api, space, arn), denial);
          if (found !== null) wrong.push(`${JSON.stringify(expression)} ${arn}: ${found}`);
        }
      });
      assert.deepEqual(wrong.slice(0, 10).map((text) => text.slice(0, 700)), []);
    },
  },
];

/** The chart renders what kustomize renders, for the same settings. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { writeChart } from "../../release/chart.ts";
import { readProject } from "../../release/project.ts";
import type { OverlayOptions } from "../cluster/own_overlays.ts";
import { must, plainEnv, run } from "../system/programs.ts";
import { identity, type KubernetesObject, objectsIn, overlayWith, shipped } from "./render.ts";
import { helmBin } from "./tools.ts";

const folder = mkdtempSync(join(tmpdir(), "rolecall-chart-test-"));
const chart = join(folder, "rolecall");
let env: Record<string, string>;

before(async () => {
  env = plainEnv({ PATH: `${await helmBin()}:${plainEnv()["PATH"]}`, HELM_CACHE_HOME: folder });
  writeChart(chart, await readProject());
});

after(() => rmSync(folder, { recursive: true }));

/** Without a cluster, helm takes the oldest Kubernetes that it knows. */
const kubernetes = ["--kube-version", "1.32.0"];

function values(given: object): string {
  const file = join(mkdtempSync(join(folder, "values-")), "values.yaml");
  writeFileSync(file, JSON.stringify(given));
  return file;
}

async function helm(given: object): Promise<KubernetesObject[]> {
  const command = ["helm", "template", "rolecall", chart, ...kubernetes, "-f", values(given)];
  return objectsIn(await must(command, { env }));
}

type Named = KubernetesObject["metadata"];

/** Lists that mean the same in any order. */
const unordered = new Set(["env", "volumes", "volumeMounts"]);

/** By identity, and free of what may differ: the managing tool, the hash of settings, some orders. */
function comparable(objects: readonly KubernetesObject[]): Record<string, KubernetesObject> {
  const text = JSON.stringify(objects)
    .replaceAll(/(rolecall-(?:agent|server)-settings)-[a-z0-9]{10}\b/g, "$1")
    .replaceAll(/("app.kubernetes.io\/managed-by":)"(kustomize|Helm)"/g, '$1"any"');
  const all: KubernetesObject[] = JSON.parse(
    text,
    (key, value) =>
      unordered.has(key)
        ? value.toSorted((one: Named, other: Named) => one.name < other.name ? -1 : 1)
        : value,
  );
  const named = all.map((object) => [identity(object), object] as const);
  assert.equal(new Set(named.map(([name]) => name)).size, all.length);
  return Object.fromEntries(named.toSorted(([one], [other]) => one < other ? -1 : 1));
}

const image = "registry.test/mirror/rolecall:7";
const inValues = { repository: "registry.test/mirror/rolecall", tag: "7" };
const clusters = shipped("overlays").filter((name) => name !== "uninstall");
const components = shipped("components").filter((name) => name !== "labels");

/** What overlays and components can't all have at once. */
const together = components.filter((name) => !["iptables-legacy", "admission-all"].includes(name));

const overlays: readonly (readonly [string, OverlayOptions, object])[] = [
  ...clusters.map((cluster) =>
    [
      `cluster ${cluster}`,
      { resource: `overlays/${cluster}`, image },
      { cluster },
    ] as const
  ),
  ...components.filter((name) => !["boot-guard", "host-network-server"].includes(name)).map((
    name,
  ) =>
    [
      `component ${name}`,
      { resource: "overlays/kops", image, components: [`components/${name}`] },
      { cluster: "kops", components: [name] },
    ] as const
  ),
  [
    "most components together, on EKS",
    { resource: "overlays/eks", image, components: together.map((name) => `components/${name}`) },
    { cluster: "eks", components: together },
  ],
  [
    "settings of one's own",
    {
      resource: "overlays/kubeadm",
      image,
      components: ["components/strict"],
      agent: { ROLECALL_LOG_LEVEL: "debug", ROLECALL_POD_RATE: "12345678" },
      server: { ROLECALL_REGION: "eu-west-1", ROLECALL_SESSION_TAGS: "true" },
    },
    {
      components: ["strict"],
      agent: { settings: { ROLECALL_LOG_LEVEL: "debug", ROLECALL_POD_RATE: 12345678 } },
      server: { settings: { ROLECALL_REGION: "eu-west-1", ROLECALL_SESSION_TAGS: true } },
    },
  ],
];

for (const [name, options, given] of overlays) {
  test(`${name}: helm template renders what kustomize renders`, async () => {
    assert.deepEqual(
      comparable(await helm({ image: inValues, ...given })),
      comparable(await overlayWith(options)),
    );
  });
}

test("a changed setting changes its ConfigMap's name, and the pods that read it", async () => {
  const named = async (given: object) => {
    const objects = await helm(given);
    const agent = objects.find(({ kind }) => kind === "DaemonSet")!;
    const { name } = agent["spec"].template.spec.containers[0].envFrom[0].configMapRef;
    assert.ok(objects.some(({ kind, metadata }) => kind === "ConfigMap" && metadata.name === name));
    return name;
  };
  const plain = await named({});
  assert.match(plain, /^rolecall-agent-settings-[a-f0-9]{10}$/);
  assert.equal(await named({}), plain);
  assert.notEqual(await named({ agent: { settings: { ROLECALL_IMDSV2: "required" } } }), plain);
});

test("values take the place of what a cluster's overlay has", async () => {
  const nodeSelector = { "node-role.kubernetes.io/control-plane": "true" };
  const objects = await helm({
    cluster: "eks",
    image: { repository: "r.test/x", digest: `sha256:${"0".repeat(64)}` },
    server: {
      replicas: 3,
      nodeSelector,
      tolerations: [],
      serviceAccountAnnotations: {
        "eks.amazonaws.com/role-arn": "arn:aws:iam::111122223333:role/x",
      },
      resources: { limits: { memory: "1Gi" } },
    },
    monitoringNamespace: "observability",
  });
  const the = (kind: string, name: string) =>
    objects.find((one) => one.kind === kind && one.metadata.name === name)!;
  const { replicas, template } = the("Deployment", "rolecall-server")["spec"];
  assert.equal(replicas, 3);
  assert.deepEqual(template.spec.nodeSelector, nodeSelector);
  assert.deepEqual(template.spec.tolerations, []);
  const [container] = template.spec.containers;
  assert.deepEqual(container.resources, { limits: { memory: "1Gi" } });
  const { version } = await readProject();
  assert.equal(container.image, `r.test/x:${version}@sha256:${"0".repeat(64)}`);
  const { annotations } = the("ServiceAccount", "rolecall-server")["metadata"] as {
    annotations?: object;
  };
  assert.deepEqual(annotations, {
    "eks.amazonaws.com/role-arn": "arn:aws:iam::111122223333:role/x",
  });
  const policy = JSON.stringify(the("NetworkPolicy", "rolecall-server"));
  assert.match(policy, /"kubernetes.io\/metadata.name":"observability"/);
});

test("helm lint has nothing to complain of, for every cluster and component", async () => {
  for (const cluster of clusters) {
    const file = values({ cluster, components: together });
    const { code, stdout } = await run(
      ["helm", "lint", "--strict", chart, ...kubernetes, "-f", file],
      { env },
    );
    assert.equal(code, 0, stdout);
  }
});

for (
  const [given, complaint] of [
    [{ cluster: "kind" }, /cluster/],
    [{ components: ["srtict"] }, /components/],
    [{ server: { setings: {} } }, /setings/],
    [{ agent: { settings: { imdsv2: "required" } } }, /imdsv2/],
    [{ agent: { settings: { ROLECALL_IMDSV2: ["required"] } } }, /ROLECALL_IMDSV2/],
    [{ image: { digest: "latest" } }, /digest/],
  ] as const
) {
  test(`values ${JSON.stringify(given)} are refused`, async () => {
    const command = ["helm", "template", "rolecall", chart, ...kubernetes, "-f", values(given)];
    const { code, stderr } = await run(command, { env });
    assert.equal(code, 1);
    assert.match(stderr, complaint);
  });
}

/** What all shipped objects have in common: labels, the version, the image. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { join } from "node:path";
import { readProject } from "../../release/project.ts";
import { deploy, identity, kustomize, overlayWith, shipped } from "./render.ts";
import type { KubernetesObject } from "./render.ts";

const { version } = await readProject();
const image = "registry.example.com/mirror/rolecall:7";

/** Every way to render them, by a name. */
const renderings = new Map<string, () => Promise<KubernetesObject[]>>([
  ...shipped("overlays").map((name) =>
    [name, () => kustomize(join(deploy, "kustomize/overlays", name))] as const
  ),
  ...shipped("components").map((name) =>
    [name, () => {
      const included = ["boot-guard", "host-network-server"].includes(name);
      const resource = included ? "base" : "overlays/kubeadm";
      return overlayWith({ resource, image, components: [`components/${name}`] });
    }] as const
  ),
  ["monitoring", () => kustomize(join(deploy, "monitoring"))],
]);

for (const [name, render] of renderings) {
  test(`${name}: objects have Kubernetes' recommended labels, containers the image that is set`, async () => {
    const expected = shipped("overlays").includes(name) ? `rolecall:${version}` : image;
    for (const object of await render()) {
      const { template } = object["spec"] ?? {};
      labelled(object, object.metadata.labels);
      if (template) labelled(object, template.metadata.labels);
      const { containers = [], initContainers = [] } = template?.spec ?? {};
      for (const one of [...containers, ...initContainers]) assert.equal(one.image, expected);
    }
  });
}

function labelled(object: KubernetesObject, labels: Readonly<Record<string, string>> = {}): void {
  const of = (label: string) => labels[`app.kubernetes.io/${label}`];
  assert.match(of("name") ?? "", /^rolecall(-agent|-server|-uninstall)?$/, identity(object));
  assert.equal(of("instance"), "rolecall", identity(object));
  assert.equal(of("part-of"), "rolecall", identity(object));
  assert.equal(of("managed-by"), "kustomize", identity(object));
  assert.equal(of("version"), version, identity(object));
  if (object.kind !== "Namespace") assert.ok(of("component"), identity(object));
}

test("metrics are open to the namespace monitoring, and to namespaces that are labelled for them", async () => {
  const objects = await kustomize(join(deploy, "kustomize/base"));
  const policy = objects.find(({ kind }) => kind === "NetworkPolicy")!;
  const metrics = policy["spec"].ingress.find(({ ports }: { ports: { port: number }[] }) =>
    ports[0]!.port === 9621
  );
  assert.deepEqual(
    metrics.from.map((from: KubernetesObject) => from["namespaceSelector"].matchLabels),
    [{ "kubernetes.io/metadata.name": "monitoring" }, { "rolecall.dev/metrics": "allowed" }],
  );
});

test("cilium: agents declare the port that Cilium redirects to, and no two claim it on one node", async () => {
  const objects = await overlayWith({
    resource: "overlays/kops",
    image,
    components: ["components/cilium"],
  });
  const agents = objects.find(({ kind }) => kind === "DaemonSet")!;
  const { redirectBackend } = objects.find(({ kind }) => kind === "CiliumLocalRedirectPolicy")![
    "spec"
  ];
  const { labels } = agents["spec"].template.metadata;
  for (const [label, value] of Object.entries(redirectBackend.localEndpointSelector.matchLabels)) {
    assert.equal(labels[label], value);
  }
  const ports = agents["spec"].template.spec.containers[0].ports.map(
    ({ containerPort }: { containerPort: number }) => String(containerPort),
  );
  assert.deepEqual(ports, redirectBackend.toPorts.map(({ port }: { port: string }) => port));
  assert.deepEqual(agents["spec"].updateStrategy.rollingUpdate, { maxSurge: 0, maxUnavailable: 1 });
});

test("selectors, which can't be changed later, have no label that a release changes", async () => {
  const objects = await kustomize(join(deploy, "kustomize/overlays/kops"));
  for (const name of ["rolecall-agent", "rolecall-server"]) {
    const { selector } = objects.find(({ kind, metadata }) =>
      /^(DaemonSet|Deployment)$/.test(kind) && metadata.name === name
    )!["spec"];
    assert.deepEqual(selector, { matchLabels: { "app.kubernetes.io/name": name } });
  }
});

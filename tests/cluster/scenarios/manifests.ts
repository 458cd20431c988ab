/** Every overlay and component is accepted by the API server, field by field. */
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { writeChart } from "../../../release/chart.ts";
import { readProject } from "../../../release/project.ts";
import { helmBin } from "../../release/tools.ts";
import { must } from "../../system/programs.ts";
import type { Shown } from "../kubectl.ts";
import { writeOverlay } from "../own_overlays.ts";
import type { Site } from "../site.ts";
import type { ClusterScenario } from "./mod.ts";

const deploy = fileURLToPath(new URL("../../../deploy/", import.meta.url));
const strictly = ["apply", "--dry-run=server", "--validate=strict"];

export const manifests: readonly ClusterScenario[] = [
  {
    name: "every overlay and every component passes the API server's strict validation",
    ownNodes: true,
    run: async (site) => {
      const { kubectl, own } = site;
      await kubectl.define(own!.customResources);
      await makeNamespaces(site);
      const overlays = readdirSync(join(deploy, "kustomize/overlays")).map((name) =>
        join(deploy, "kustomize/overlays", name)
      );
      const components = readdirSync(join(deploy, "kustomize/components")).map((name) => {
        const folder = mkdtempSync(join(tmpdir(), "rolecall-component-"));
        // The overlay includes these already.
        const included = ["boot-guard", "host-network-server"].includes(name);
        const resource = included ? "base" : "overlays/kubeadm";
        const options = { resource, image: site.image };
        return writeOverlay(folder, { ...options, components: [`components/${name}`] });
      });
      const folders = [...overlays, ...components, join(deploy, "monitoring")];
      await each(folders, (folder) => kubectl.do([...strictly, "-k", folder]));
      const charts = await chartObjects();
      await each(charts, (objects) => kubectl.do([...strictly, "-f", "-"], objects));
      await kubectl.do(["delete", ...own!.customResources.flatMap((file) => ["-f", file])]);
    },
  },
  {
    name: "the server is a pod for restricted namespaces, and the agent needs a privileged one",
    run: async ({ kubectl }) => {
      const server = await templateOf(kubectl, "Deployment");
      const agent = await templateOf(kubectl, "DaemonSet");
      assert.equal(await admitted(kubectl, "restricted", server), "");
      assert.match(
        await admitted(kubectl, "baseline", agent),
        /host namespaces.*hostPath|hostPath.*host/s,
      );
      assert.equal(await admitted(kubectl, "privileged", agent), "");
    },
  },
];

/** Three at a time: each takes a second or two of waiting. */
async function each<T>(items: readonly T[], run: (item: T) => Promise<unknown>): Promise<void> {
  const queue = [...items];
  const worker = async () => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) await run(next);
  };
  await Promise.all([worker(), worker(), worker()]);
}

/** What the chart renders for each kind of cluster, once alone and once with most components. */
async function chartObjects(): Promise<string[]> {
  const chart = mkdtempSync(join(tmpdir(), "rolecall-chart-"));
  writeChart(chart, await readProject());
  const helm = join(await helmBin(), "helm");
  const more =
    "components={admission,cert-manager,cri,federated,prometheus-operator,startup-taint}";
  const settings = ["kops", "kubeadm", "eks", "dev"].flatMap((cluster) => [
    ["--set", `cluster=${cluster}`],
    ["--set", `cluster=${cluster}`, "--set", more],
  ]);
  return await Promise.all(
    settings.map((given) =>
      must([helm, "template", "rolecall", chart, "--kube-version=1.32.0", ...given])
    ),
  );
}

/** Namespaces come with the overlays; a dry run doesn't make those that its other objects need. */
async function makeNamespaces({ kubectl }: Site): Promise<void> {
  for (const name of ["rolecall", "rolecall-uninstall"]) {
    await kubectl.apply({ apiVersion: "v1", kind: "Namespace", metadata: { name } });
  }
}

async function templateOf(kubectl: Site["kubectl"], kind: string): Promise<Shown> {
  const rendered = await kubectl.do([
    "create",
    "--dry-run=client",
    "-o",
    "json",
    "-k",
    join(deploy, "kustomize/base"),
  ]);
  // A list, or objects one after the other: kubectl's versions differ.
  const objects = JSON.parse(`[${rendered.trim().replaceAll(/^}\n{/gm, "},\n{")}]`).flatMap((
    one: Shown,
  ) => one.items ?? [one]);
  return objects.find((one: Shown) => one.kind === kind && /server|agent/.test(one.metadata.name))
    .spec.template;
}

/** What the API server says against such a pod in a namespace of that level; nothing if it's fine. */
async function admitted(kubectl: Site["kubectl"], level: string, template: Shown): Promise<string> {
  const namespace = `level-${level}`;
  const labels = { "pod-security.kubernetes.io/enforce": level };
  await kubectl.apply(
    { apiVersion: "v1", kind: "Namespace", metadata: { name: namespace, labels } },
    {
      apiVersion: "v1",
      kind: "ServiceAccount",
      metadata: { name: template.spec.serviceAccountName, namespace },
    },
  );
  const { priorityClassName: _, ...spec } = template.spec;
  const pod = { apiVersion: "v1", kind: "Pod", metadata: { name: "pod", namespace }, spec };
  const { code, stderr } = await kubectl.try(
    ["create", "--dry-run=server", "-f", "-"],
    JSON.stringify(pod),
  );
  return code === 0 ? "" : stderr;
}

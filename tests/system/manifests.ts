/** Applies what the shipped base gives the cluster: accounts, rights and the annotations' fence. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";
import type { KubeApi } from "./kube_api.ts";

interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string };
}

const files = ["namespace.yaml", "server_rbac.yaml", "agent.yaml", "kubelet_annotations.yaml"];

const rbac = "/apis/rbac.authorization.k8s.io/v1";
const admission = "/apis/admissionregistration.k8s.io/v1";

/** Where objects of a kind are; workloads are not among them, their programs are run by the test. */
const folders: Readonly<Record<string, string>> = {
  Namespace: "/api/v1/namespaces",
  ServiceAccount: "/api/v1/namespaces/rolecall/serviceaccounts",
  ClusterRole: `${rbac}/clusterroles`,
  ClusterRoleBinding: `${rbac}/clusterrolebindings`,
  Role: `${rbac}/namespaces/rolecall/roles`,
  RoleBinding: `${rbac}/namespaces/rolecall/rolebindings`,
  ConfigMap: "/api/v1/namespaces/rolecall/configmaps",
  ValidatingAdmissionPolicy: `${admission}/validatingadmissionpolicies`,
  ValidatingAdmissionPolicyBinding: `${admission}/validatingadmissionpolicybindings`,
};

/** `base` is the folder `deploy/kustomize/base`. */
export function applyBase(api: KubeApi, base: string): Promise<void> {
  return applyFiles(api, base, files);
}

/** The objects in these files of a folder, as they are shipped. */
export async function applyFiles(
  api: KubeApi,
  folder: string,
  names: readonly string[],
): Promise<void> {
  const texts = names.map((file) => readFileSync(join(folder, file), "utf8"));
  const all = texts.flatMap((text) => parseAllDocuments(text).map((one) => one.toJS() as Manifest));
  for (const manifest of all) {
    const place = folders[manifest.kind];
    if (place !== undefined) {
      await api.apply(`${place}/${manifest.metadata.name}`, inNamespace(manifest));
    }
  }
}

/** kustomize fills namespaces in; only the subjects of bindings need one. */
function inNamespace(manifest: Manifest): object {
  const { subjects } = manifest as { subjects?: readonly object[] };
  if (subjects === undefined) return manifest;
  return { ...manifest, subjects: subjects.map((one) => ({ ...one, namespace: "rolecall" })) };
}

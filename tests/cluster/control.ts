/** The rest of the control plane beside kube-apiserver, and the files with which to reach it. */
import { symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type ControlPlane, startControlPlane } from "../system/control_plane.ts";
import { Running } from "../system/programs.ts";
import { kubeconfigText } from "./cluster_node.ts";

export interface WholeControlPlane extends ControlPlane {
  /** Path of the admin's kubeconfig. */
  readonly kubeconfig: string;
}

/** etcd, kube-apiserver, kube-controller-manager and kube-scheduler on the fabric. */
export async function startWholeControlPlane(
  kube: string,
  folder: string,
  logs: string,
): Promise<WholeControlPlane> {
  const control = await startControlPlane(kube, folder, logs, {
    // The address of the Service `kubernetes`, which pods reach the API server by.
    "endpoint-reconciler-type": "lease",
    "allow-privileged": "true",
    "kubelet-client-certificate": join(folder, "admin.crt"),
    "kubelet-client-key": join(folder, "admin.key"),
    "kubelet-preferred-address-types": "InternalIP",
  });
  const { keys, origin } = control.api;
  const kubeconfig = join(folder, "admin.kubeconfig");
  writeFileSync(kubeconfig, kubeconfigText(origin, keys.ca, keys.admin), { mode: 0o600 });
  const programs = ["kube-controller-manager", "kube-scheduler"].map((name) => {
    symlinkSync(kube, join(folder, name));
    return new Running(name, command(name, folder, kubeconfig), join(logs, `${name}.log`));
  });
  return {
    ...control,
    kubeconfig,
    stop: async () => {
      await Promise.all(programs.map((program) => program.stop(2000)));
      await control.stop();
    },
  };
}

function command(name: string, folder: string, kubeconfig: string): string[] {
  const access = ["kubeconfig", "authentication-kubeconfig", "authorization-kubeconfig"];
  const common = access.map((flag) => `--${flag}=${kubeconfig}`);
  const words = [join(folder, name), ...common, "--leader-elect=false", "--bind-address=127.0.0.1"];
  if (name === "kube-scheduler") return words;
  return [
    ...words,
    "--use-service-account-credentials",
    `--root-ca-file=${join(folder, "ca.crt")}`,
    `--service-account-private-key-file=${join(folder, "sa.key")}`,
    "--service-cluster-ip-range=10.96.0.0/16",
    "--node-monitor-period=1s",
    "--kube-api-qps=500",
    "--kube-api-burst=1000",
  ];
}

/** etcd and kube-apiserver, on the fabric, with keys of their own and nothing else beside them. */
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { KubeApi } from "./kube_api.ts";
import { fabricAddress } from "./network.ts";
import { type ClusterKeys, makeClusterKeys } from "./pki.ts";
import { Running } from "./programs.ts";
import { Hopeless, until } from "./until.ts";

const issuer = "https://kubernetes.default.svc.cluster.local";
const port = 6443;
/** Of the Service `kubernetes`, by which pods of a whole cluster reach the API. */
const serviceAddress = "10.96.0.1";

export interface ControlPlane {
  readonly api: KubeApi;
  /** Stops kube-apiserver, as an outage; its data stays. */
  pauseApi(): Promise<void>;
  /** Does nothing where it runs. */
  resumeApi(): Promise<void>;
  /** Its connections stay open, and nothing comes out of them. */
  stopApi(): void;
  continueApi(): void;
  stop(): Promise<void>;
}

/**
 * Starts both and waits until the API is ready. `folder` should be in memory: etcd syncs. `further`
 * are flags of kube-apiserver.
 */
export async function startControlPlane(
  kube: string,
  folder: string,
  logs: string,
  further: Readonly<Record<string, string>> = {},
): Promise<ControlPlane> {
  const keys = await makeClusterKeys(["127.0.0.1", fabricAddress, serviceAddress]);
  writeKeys(folder, keys);
  symlinkSync(kube, join(folder, "kube-apiserver"));
  const etcd = new Running("etcd", etcdCommand(folder), join(logs, "etcd.log"));
  const start = () =>
    new Running("kube-apiserver", apiCommand(folder, further), join(logs, "kube-apiserver.log"));
  const api = new KubeApi(`https://${fabricAddress}:${port}`, keys);
  let server = start();
  const ready = () =>
    until("kube-apiserver ready", async () => {
      if (!server.alive || !etcd.alive) throw new Hopeless(server.log().slice(-1500));
      return await api.text("/readyz") === "ok";
    }, { within: 180_000, every: 100 });
  await ready();
  return {
    api,
    pauseApi: async () => {
      await server.stop(3000, "SIGKILL");
    },
    resumeApi: async () => {
      if (server.alive) return;
      server = start();
      await ready();
    },
    stopApi: () => void process.kill(server.pid, "SIGSTOP"),
    continueApi: () => void process.kill(server.pid, "SIGCONT"),
    stop: async () => {
      api.close();
      await server.stop(2000);
      await etcd.stop(2000);
    },
  };
}

function writeKeys(folder: string, keys: ClusterKeys): void {
  mkdirSync(folder, { recursive: true });
  const files = {
    "ca.crt": keys.ca,
    "apiserver.crt": keys.apiserver.cert,
    "apiserver.key": keys.apiserver.key,
    "sa.key": keys.serviceAccounts.private,
    "sa.pub": keys.serviceAccounts.public,
    "admin.crt": keys.admin.cert,
    "admin.key": keys.admin.key,
  };
  for (const [name, text] of Object.entries(files)) {
    writeFileSync(join(folder, name), text, { mode: 0o600 });
  }
}

function etcdCommand(folder: string): string[] {
  const peer = "http://127.0.0.1:2380";
  const client = "http://127.0.0.1:2379";
  return [
    "etcd",
    ...flags({
      "name": "default",
      "data-dir": join(folder, "etcd"),
      "logger": "zap",
      "log-level": "warn",
      "listen-client-urls": client,
      "advertise-client-urls": client,
      "listen-peer-urls": peer,
      "initial-advertise-peer-urls": peer,
      "initial-cluster": `default=${peer}`,
    }),
  ];
}

function apiCommand(folder: string, further: Readonly<Record<string, string>>): string[] {
  return [
    join(folder, "kube-apiserver"),
    ...flags({
      "etcd-servers": "http://127.0.0.1:2379",
      "bind-address": "0.0.0.0",
      "advertise-address": fabricAddress,
      "secure-port": String(port),
      "endpoint-reconciler-type": "none",
      "tls-cert-file": join(folder, "apiserver.crt"),
      "tls-private-key-file": join(folder, "apiserver.key"),
      "client-ca-file": join(folder, "ca.crt"),
      "authorization-mode": "Node,RBAC",
      "enable-admission-plugins": "NodeRestriction",
      "service-account-issuer": issuer,
      "service-account-signing-key-file": join(folder, "sa.key"),
      "service-account-key-file": join(folder, "sa.pub"),
      "api-audiences": issuer,
      "service-cluster-ip-range": "10.96.0.0/16",
      "profiling": "false",
      "shutdown-delay-duration": "0s",
      ...further,
    }),
  ];
}

function flags(values: Readonly<Record<string, string>>): string[] {
  return Object.entries(values).map(([name, value]) => `--${name}=${value}`);
}

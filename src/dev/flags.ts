/** The flags of `dev`: its own, and those of agent and server with defaults for one machine. */
import { agentFlags } from "../agent/flags.ts";
import { serverFlags } from "../server/flags.ts";
import { flag } from "../cli/flags.ts";

const ownFlags = {
  "listen": flag.listen("127.0.0.1:8181", "metadata front end"),
  "admin-listen": flag.listen("127.0.0.1:9620", "/livez, /readyz and /metrics of agent and server"),
  "status-listen": flag.listen("127.0.0.1:9622", "status page and /api/…; loopback only"),
  "manifests": flag.list(
    "files of pods, namespaces, ServiceAccounts and IAM roles; empty means dev/cluster.yaml, here or beside the program",
    "paths separated by commas",
  ),
  "kubeconfig": flag.text("", "read a real cluster instead of manifests; with --as"),
  "as": flag.list(
    "pod of that cluster to answer for: the first at 127.0.0.1, the next at 127.0.0.2",
    "NAMESPACE/POD",
  ),
  "sts-endpoint": flag.url("", "STS to use instead of the embedded one, with your own credentials"),
  "aws": flag.boolean("assume roles in AWS, with your own credentials"),
  "region": flag.text("", "region of STS; empty means eu-west-1, or with --aws the SDK's default"),
  "metadata-url": flag.url(
    "",
    "metadata service that other requests are passed on to; empty means the embedded one",
  ),
  "log-level": flag.choice(["debug", "info", "warn", "error"], "error", "lowest level logged"),
  "log-format": flag.choice(["json", "text"], "text", "json for machines, text for people"),
};

export const devFlags = { ...serverFlags, ...agentFlags, ...ownFlags };

/** These have no effect if agent and server are one process. */
export const withoutEffect: readonly string[] = [
  "agent-service-account",
  "ca-configmap",
  "direct",
  "host-ip",
  "host-ipv6",
  "interface",
  "namespace",
  "node-name",
  "redirect",
  "replicas",
  "remove-rules-on-exit",
  "server",
  "server-ca",
  "startup-taint",
  "state-dir",
  "tls-cert",
  "tls-dns-names",
  "tls-key",
  "tls-secret",
  "token-audience",
  "token-file",
];

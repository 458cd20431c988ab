/** The server's flags, for the parser, `--help` and the configuration reference. */
import { flag, logFlags } from "../cli/flags.ts";
import { policyFlags } from "../policy_flags/policy_flags.ts";

/** Kubernetes' rule for the names of Secrets and ConfigMaps: a DNS subdomain. */
const objectName = /^(?=.{1,253}$)[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/;

export const serverFlags = {
  "listen": flag.listen("[::]:8443", "HTTPS for agents"),
  "admin-listen": flag.listen("[::]:9621", "/livez, /readyz and /metrics"),
  "status-listen": flag.listen("127.0.0.1:9622", "status page and /api/…; loopback only"),
  "status-auth": flag.choice(
    ["auto", "token", "none"],
    "auto",
    "whether the status page requires a token; auto: if the server is on the host network",
  ),
  "kubeconfig": flag.text("", "path of a kubeconfig; empty means the pod's own ServiceAccount"),
  "tls-cert": flag.text("", "certificate (PEM), re-read when it changes; with --tls-key"),
  "tls-key": flag.text("", "its private key (PEM)"),
  "tls-secret": flag.form(
    "rolecall-server-tls",
    "Secret of the self-managed CA and certificate",
    objectName,
    "an object's name",
  ),
  "ca-configmap": flag.form(
    "rolecall-server-ca",
    "ConfigMap from which agents mount the CA",
    objectName,
    "an object's name",
  ),
  "tls-dns-names": flag.list(
    "names of the self-managed certificate; empty means rolecall-server and its namespace forms",
  ),
  "namespace": flag.text("", "namespace of that Secret and ConfigMap", { env: "POD_NAMESPACE" }),
  "agent-service-account": flag.form(
    "rolecall:rolecall-agent",
    "NAMESPACE:NAME of the agents' ServiceAccount, the only subject accepted",
    /^[a-z0-9-]{1,63}:[a-z0-9.-]{1,253}$/,
    "NAMESPACE:NAME",
  ),
  "replicas": flag.url(
    "https://rolecall-server:8443",
    "headless Service that resolves to all replicas, for the status page and explain; empty means this is the only one",
  ),
  "token-file": flag.text(
    "/var/run/secrets/rolecall/token",
    "the server's own token for --token-audience, which replicas show each other",
  ),
  "token-audience": flag.form(
    "rolecall-server",
    "audience of the agents' tokens",
    /./,
    "an audience",
  ),
  "pod-token-audience": flag.form("rolecall-pod", "audience of pods' tokens", /./, "an audience"),
  ...policyFlags,
  "region": flag.form(
    "",
    "region of STS; empty means the SDK's default",
    /^[a-z0-9-]*$/,
    "a region such as eu-west-1",
  ),
  "sts-endpoint": flag.url(
    "",
    "custom STS endpoint, used as it is; empty means the SDK's regional one",
  ),
  "assume-role-arn": flag.text("", "role assumed first; chained sessions last at most 1h"),
  "sts-rate": flag.number(
    100,
    "AssumeRole calls per second; halved for a while when STS throttles",
    { min: 0.1, max: 1000, whole: false },
  ),
  "sts-burst": flag.number(200, "AssumeRole calls that may start at once after a quiet time", {
    min: 1,
    max: 10_000,
  }),
  "sts-concurrency": flag.number(16, "AssumeRole calls at once", { min: 1, max: 100 }),
  "startup-taint": flag.text(
    "",
    "key of a taint to remove from a node once its agent is ready, such as rolecall.dev/agent-not-ready",
  ),
  ...logFlags,
};

/** The agent's flags, for the parser, `--help`, completion and the configuration reference. */
import { containerCredentialsFlag, flag, logFlags } from "../cli/flags.ts";

export const agentFlags = {
  "listen": flag.listen("[::]:8181", "metadata front end; 0.0.0.0 on a node without IPv6"),
  "admin-listen": flag.listen("[::]:9620", "/livez, /readyz and /metrics"),
  "host-ip": flag.text("", "the node's IPv4 address, to which requests are redirected", {
    env: "HOST_IP",
  }),
  "host-ipv6": flag.text("", "the node's IPv6 address, likewise", { env: "HOST_IPV6" }),
  "node-name": flag.text("", "the node's name, for the log", { env: "NODE_NAME" }),
  "server": flag.url(
    "https://rolecall-server:8443",
    "the server; all addresses of its name are tried",
  ),
  "server-ca": flag.form(
    "/etc/rolecall/ca/ca.crt",
    "CA certificate of the server (PEM); re-read when it changes",
    /./,
    "a path",
  ),
  "token-file": flag.form(
    "/var/run/secrets/rolecall/token",
    "the agent's ServiceAccount token; re-read when it changes",
    /./,
    "a path",
  ),
  "metadata-url": flag.url(
    "http://169.254.169.254",
    "metadata service that other requests are passed on to",
  ),
  "passthrough": flag.text(
    "all",
    "which paths are passed on: all, safe, none, or an RE2 expression that must match the whole path",
  ),
  "passthrough-user-data": flag.boolean(
    "also pass on user data, which often contains the keys for joining the cluster",
  ),
  "imdsv2": flag.choice(
    ["optional", "required"],
    "optional",
    "whether requests need an IMDSv2 token",
  ),
  "redirect": flag.choice(
    ["auto", "iptables", "nftables", "none"],
    "auto",
    "how pods' requests are redirected; auto uses what is in use on the node",
  ),
  "interface": flag.text(
    "auto",
    "interface of the pods; ! inverts, a trailing + is a wildcard, empty means any; auto means " +
      "every interface except the default route's, which the log names",
  ),
  "direct": flag.boolean("also serve requests that weren't redirected"),
  "allowed-hosts": flag.list(
    "additional names accepted in the Host header",
    "host names separated by commas",
  ),
  "max-connections": flag.number(4096, "connections in total", { min: 1 }),
  "pod-connections": flag.number(128, "connections per pod", { min: 1 }),
  "pod-rate": flag.number(
    500,
    "requests per second and pod, with bursts of twice that; 0 means no limit",
  ),
  "remove-rules-on-exit": flag.boolean(
    "remove the redirect on exit; by default it stays and fails closed",
  ),
  "disconnected-grace": flag.duration(
    "25s",
    "how long to keep serving known pods after losing the server",
    { min: "1s", max: "1h" },
  ),
  "identity": flag.choice(
    ["auto", "kernel", "runtime", "address"],
    "auto",
    "how the pod behind a connection is identified; auto uses the kernel if --host-proc is usable, " +
      "else the container runtime if --cri-socket is set, else the address",
  ),
  "host-proc": flag.form(
    "/host/proc",
    "the host's procfs, mounted read-only",
    /^\//,
    "an absolute path",
  ),
  "cri-socket": flag.text(
    "",
    "the container runtime's socket, such as /run/containerd/containerd.sock; with " +
      "--identity=runtime, READY sandboxes alone decide which pod has an address",
  ),
  "runtime-handlers": flag.list(
    "runtime handlers, such as runsc or kata, whose pods only --cri-socket can identify",
    "handler names separated by commas",
  ),
  "state-dir": flag.form(
    "/run/rolecall",
    "folder for the key of session tokens",
    /./,
    "a path",
  ),
  "container-credentials": containerCredentialsFlag,
  "readiness-file": flag.text(
    "",
    "file that contains `ok` or what is missing, for a probe of exactly this process",
  ),
  "boot-guard-file": flag.text(
    "",
    "file with the report of the boot-guard init container: `ok`, or why this node isn't closed from boot",
  ),
  ...logFlags,
};

const unitDir = flag.text("/host/systemd", "where the host's /etc/systemd is mounted");

export const bootGuardFlags = {
  "unit-dir": unitDir,
  "boot-guard-file": agentFlags["boot-guard-file"],
};

export const uninstallFlags = { "state-dir": agentFlags["state-dir"], "unit-dir": unitDir };

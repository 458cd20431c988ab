/** The agent's flags: what `--help`, the configuration reference and the parser know of them. */
import { flag, logFlags } from "../cli/flags.ts";

export const agentFlags = {
  "listen": flag.listen("[::]:8181", "metadata front; 0.0.0.0 where there is no IPv6"),
  "admin-listen": flag.listen("[::]:9620", "/livez, /readyz and /metrics"),
  "host-ip": flag.text("", "the node's IPv4 address, target of the redirect", { env: "HOST_IP" }),
  "host-ipv6": flag.text("", "the node's IPv6 address, likewise", { env: "HOST_IPV6" }),
  "node-name": flag.text("", "for the log", { env: "NODE_NAME" }),
  "server": flag.url("https://rolecall-server:8443", "the server; each of its addresses is tried"),
  "server-ca": flag.form(
    "/etc/rolecall/ca/ca.crt",
    "the authority trusted for the server (PEM), re-read when it changes",
    /./,
    "a path",
  ),
  "token-file": flag.form(
    "/var/run/secrets/rolecall/token",
    "the agent's ServiceAccount token, re-read when it changes",
    /./,
    "a path",
  ),
  "metadata-url": flag.url("http://169.254.169.254", "where passed-on requests go"),
  "passthrough": flag.text(
    "all",
    "paths passed on: all, safe, none, or an RE2 expression that must match the whole path",
  ),
  "passthrough-user-data": flag.boolean(
    "pass on user data too; it often holds keys of the cluster",
  ),
  "imdsv2": flag.choice(["optional", "required"], "optional", "whether requests need a token"),
  "redirect": flag.choice(
    ["auto", "iptables", "nftables", "none"],
    "auto",
    "how pods' requests are redirected; auto takes what is in use on the node",
  ),
  "interface": flag.text("!eth0", "pods' interface; ! inverts, a trailing + is a wildcard"),
  "direct": flag.boolean("also serve requests that weren't redirected"),
  "allowed-hosts": flag.list("further good Host names", "host names separated by commas"),
  "max-connections": flag.number(4096, "connections in all", { min: 1 }),
  "pod-connections": flag.number(128, "connections of one pod", { min: 1 }),
  "pod-rate": flag.number(500, "requests a second of one pod, twice that at once; 0 = no limit"),
  "remove-rules-on-exit": flag.boolean("remove the redirect at the end; else it stays, closed"),
  "disconnected-grace": flag.duration(
    "25s",
    "how long known pods are answered without fresh word of a server",
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
    "where the key of session tokens is kept",
    /./,
    "a path",
  ),
  "container-credentials": flag.list(
    "where container credentials are served, such as 169.254.170.23:80,[fd00:ec2::23]:80",
    "ADDRESS:PORT separated by commas, with an address that SDKs ask without TLS: " +
      "169.254.170.23, 169.254.170.2, [fd00:ec2::23] or loopback",
  ),
  "readiness-file": flag.text(
    "",
    "a file that says `ok` or what is missing, for a probe that must reach this very agent",
  ),
  "boot-guard-file": flag.text(
    "",
    "what the boot-guard init container reports: `ok`, or why this node isn't closed from boot",
  ),
  ...logFlags,
};

const unitDir = flag.text("/host/systemd", "where the host's /etc/systemd/system is mounted");

export const bootGuardFlags = {
  "unit-dir": unitDir,
  "boot-guard-file": agentFlags["boot-guard-file"],
};

export const uninstallFlags = { "state-dir": agentFlags["state-dir"], "unit-dir": unitDir };

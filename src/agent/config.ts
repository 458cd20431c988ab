/** Builds the agent's settings from its flags, or lists every problem with them. Pure. */
import { messageOf } from "../telemetry/fault.ts";
import type { FlagValues } from "../cli/flags.ts";
import { anyAddress } from "../cli/listening.ts";
import { type Env, type ParsedSettings, parseFlagsOnly } from "../cli/parse_flags.ts";
import { type HostPort, readHostPort } from "../net/host_port.ts";
import { openFilesTriedAtStart } from "../runtime/runtime.ts";
import { canonicalAddress } from "../net/ip_address.ts";
import { agentFlags } from "./flags.ts";
import { passthroughNotice } from "./imds/passthrough_notice.ts";
import { type PassthroughRule, passthroughRule } from "./imds/passthrough_rule.ts";
import { type InterfaceMatch, interfaceMatch } from "./redirect/interface_match.ts";

type Values = FlagValues<typeof agentFlags>;

/** What the agent is to do; empty texts of flags are null here. */
export interface AgentSettings {
  readonly listen: HostPort;
  readonly adminListen: HostPort;
  /** The node's IPv4 address; null on a node that has none, or where nothing is redirected. */
  readonly hostIp: string | null;
  readonly hostIpv6: string | null;
  readonly nodeName: string | null;
  readonly server: string;
  readonly serverCa: string;
  readonly tokenFile: string;
  readonly metadataUrl: string;
  readonly passthrough: PassthroughRule;
  readonly tokenRequired: boolean;
  readonly redirect: Values["redirect"];
  /** `auto`: every interface but the default route's. */
  readonly interface: InterfaceMatch | "auto";
  readonly direct: boolean;
  readonly allowedHosts: readonly string[];
  readonly maxConnections: number;
  /** What it may be raised to once so many are open. */
  readonly moreConnections: () => number;
  readonly podConnections: number;
  readonly podRate: number;
  readonly removeRulesOnExit: boolean;
  readonly graceMs: number;
  readonly identity: Values["identity"];
  /** An absolute path. */
  readonly hostProc: string;
  /** An absolute path; null if the container runtime isn't used. */
  readonly criSocket: string | null;
  readonly runtimeHandlers: readonly string[];
  readonly stateDir: string;
  /** Where container credentials are served; their hosts are canonical addresses. */
  readonly containerCredentials: readonly HostPort[];
  readonly readinessFile: string | null;
  readonly bootGuardFile: string | null;
  readonly logLevel: Values["log-level"];
  readonly logFormat: Values["log-format"];
}

/** What the settings' defaults depend on. */
export interface Machine {
  /** Whether `[::]` can be listened on. */
  readonly hasIpv6: boolean;
  /** Files and sockets that may be open at once. */
  readonly openFilesLimit: (effort?: "quick" | "full") => number;
}

/** Every problem at once, each a line naming flag, value and what is expected. */
export function parseAgentConfig(
  args: readonly string[],
  env: Env,
  machine: Machine = { hasIpv6: true, openFilesLimit: () => Infinity },
): ParsedSettings<AgentSettings> {
  const parsed = parseFlagsOnly("agent", agentFlags, args, env);
  const { values } = parsed;
  const rule = readRule(values);
  const match = values["interface"] === "auto" ? "auto" : interfaceMatch(values["interface"]);
  const problems = problemsOf(values);
  // A missing flag may be present under a misspelt name, so it is reported only if all else is right.
  if (parsed.kind === "problems") problems.unshift(...parsed.problems);
  else problems.push(...missingFrom(values));
  if (typeof rule === "string") problems.push(rule);
  if (!match) {
    problems.push(wrong(values, "interface", "expected auto, eth0, cali+, !eth0 or nothing"));
  }
  if (
    parsed.kind === "problems" || problems.length > 0 || typeof rule === "string" || !match
  ) return { kind: "problems", problems };
  const settings = settingsOf(values, { rule, match, machine });
  return {
    kind: "parsed",
    settings,
    notices: noticesOf(values, settings, machine.openFilesLimit()),
  };
}

function problemsOf(values: Values): string[] {
  const { "host-ip": ip, "host-ipv6": ipv6 } = values;
  const problems: string[] = [];
  if (ip !== "" && canonicalAddress(ip) === undefined) {
    problems.push(wrong(values, "host-ip", "expected the node's IPv4 address"));
  }
  if (ipv6 !== "" && !canonicalAddress(ipv6)?.includes(":")) {
    problems.push(wrong(values, "host-ipv6", "expected the node's IPv6 address"));
  }
  for (const name of ["server", "metadata-url"] as const) {
    if (!URL.canParse(values[name])) problems.push(wrong(values, name, "expected a URL"));
  }
  if (!/^(\/.*)?$/.test(socketPath(values["cri-socket"]))) {
    problems.push(wrong(values, "cri-socket", "expected the absolute path of a socket"));
  }
  problems.push(...identityProblems(values));
  for (const text of values["allowed-hosts"].filter((text) => !isHost(text))) {
    const expected = "expected host names or addresses without port";
    problems.push(`--allowed-hosts: ${JSON.stringify(text)} is not valid; ${expected}`);
  }
  for (const text of values["container-credentials"].filter((text) => !endpointAt(text))) {
    const { expects } = agentFlags["container-credentials"];
    problems.push(
      `--container-credentials: ${JSON.stringify(text)} is not valid; expected ${expects}`,
    );
  }
  return problems;
}

function identityProblems(values: Values): string[] {
  const { identity, "cri-socket": socket, "runtime-handlers": handlers } = values;
  const problems: string[] = [];
  if (identity === "runtime" && socket === "") {
    problems.push(wrong(values, "identity", "expected --cri-socket to be set as well"));
  }
  if (handlers.length > 0 && (socket === "" || identity === "address")) {
    const expected = "expected --cri-socket to be set as well, and another --identity than address";
    problems.push(wrong(values, "runtime-handlers", expected));
  }
  return problems;
}

/** A redirect needs a target. */
function missingFrom(values: Values): string[] {
  const { "host-ip": ip, "host-ipv6": ipv6, redirect } = values;
  if (redirect === "none" || ip !== "" || ipv6 !== "") return [];
  return [
    wrong(values, "host-ip", "expected the node's address (status.hostIP), or --redirect=none"),
  ];
}

/** SDKs send no token over plain HTTP to other addresses (botocore and the JavaScript SDK alike). */
const endpointHosts = /^(?:169\.254\.170\.23|169\.254\.170\.2|fd00:ec2::23|127(?:\.\d+){3}|::1)$/;

/** Whether a Host header can name it; IPv6 addresses with or without brackets. */
function isHost(text: string): boolean {
  return /^[A-Za-z0-9._-]+$/.test(text) || !!canonicalAddress(text.replace(/^\[(.*)\]$/, "$1"));
}

/** A listen address in canonical form; undefined if the text isn't one. */
function endpointAt(text: string): HostPort | undefined {
  const at = readHostPort(text);
  const host = canonicalAddress(at?.host ?? "");
  return at && host && endpointHosts.test(host) ? { host, port: at.port } : undefined;
}

function wrong(values: Values, name: keyof Values & string, expected: string): string {
  return `--${name}: ${JSON.stringify(values[name])} is not valid; ${expected}`;
}

/** The rule, or the problem with it. */
function readRule(values: Values): PassthroughRule | string {
  try {
    return passthroughRule(values["passthrough"], values["passthrough-user-data"]);
  } catch (fault) {
    const reason = messageOf(fault);
    return wrong(
      values,
      "passthrough",
      `expected all, safe, none or an RE2 expression (${reason})`,
    );
  }
}

interface Read {
  readonly rule: PassthroughRule;
  readonly match: AgentSettings["interface"];
  readonly machine: Machine;
}

function settingsOf(values: Values, { rule, match, machine }: Read): AgentSettings {
  const addresses = [values["host-ip"], values["host-ipv6"]].map(canonicalAddress);
  const endpoints = values["container-credentials"].map(endpointAt).filter((at) => at !== undefined)
    .filter(({ host }) => machine.hasIpv6 || !host.includes(":"));
  const allowed = (effort?: "full") =>
    connectionsAllowed(machine.openFilesLimit(effort), 1 + endpoints.length);
  const most = allowed();
  return Object.freeze({
    listen: anyAddress(values["listen"], machine.hasIpv6),
    adminListen: anyAddress(values["admin-listen"], machine.hasIpv6),
    hostIp: addresses.find((address) => address && !address.includes(":")) ?? null,
    hostIpv6: addresses.findLast((address) => address?.includes(":")) ?? null,
    nodeName: textOf(values["node-name"]),
    server: values["server"],
    serverCa: values["server-ca"],
    tokenFile: values["token-file"],
    metadataUrl: values["metadata-url"],
    passthrough: rule,
    tokenRequired: values["imdsv2"] === "required",
    redirect: values["redirect"],
    interface: match,
    direct: values["direct"],
    allowedHosts: values["allowed-hosts"],
    maxConnections: Math.min(values["max-connections"], most),
    moreConnections: () => Math.min(values["max-connections"], allowed("full")),
    podConnections: Math.min(values["pod-connections"], most),
    podRate: values["pod-rate"],
    removeRulesOnExit: values["remove-rules-on-exit"],
    graceMs: values["disconnected-grace"] * 1000,
    identity: values["identity"],
    hostProc: values["host-proc"].replace(/(.)\/+$/, "$1"),
    criSocket: textOf(socketPath(values["cri-socket"])),
    runtimeHandlers: values["runtime-handlers"],
    stateDir: values["state-dir"].replace(/(.)\/+$/, "$1"),
    containerCredentials: endpoints,
    readinessFile: textOf(values["readiness-file"]),
    bootGuardFile: textOf(values["boot-guard-file"]),
    logLevel: values["log-level"],
    logFormat: values["log-format"],
  });
}

function noticesOf(values: Values, settings: AgentSettings, openFiles: number): string[] {
  const notices: string[] = [];
  const requested = values["max-connections"];
  if (settings.maxConnections !== requested && openFiles < openFilesTriedAtStart) {
    notices.push(
      `--max-connections: ${requested} lowered to ${settings.maxConnections}, ` +
        "to stay under half of the files that may be open (ulimit -n)",
    );
  }
  if (settings.containerCredentials.length < values["container-credentials"].length) {
    notices.push("--container-credentials: IPv6 addresses left out, this node has no IPv6");
  }
  const passthrough = passthroughNotice(values["passthrough"], values["passthrough-user-data"]);
  if (passthrough !== undefined) notices.push(passthrough);
  return notices;
}

/** A listener's share of half of the files, less what the admin pages, the server and files need. */
function connectionsAllowed(openFiles: number, listeners: number): number {
  return Math.max(16, Math.floor((Math.floor(openFiles / 2) - 100) / listeners));
}

/** Kubelets and crictl write sockets as URLs. */
function socketPath(value: string): string {
  return value.replace(/^unix:(?:\/\/)?(?=\/)/, "");
}

function textOf(value: string): string | null {
  return value === "" ? null : value;
}

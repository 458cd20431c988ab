/**
 * Which packets go to the agent instead of the metadata service, in the syntax of each packet
 * filter. Pure: the backends apply the rules and read them back.
 *
 * Redirected: TCP to port 80 of the metadata address that comes in over the pods' interface.
 * Refused: any other packet for that address, so that nothing gets through while the redirect is
 * missing, on another port or on a flow from before it. TCP gets a reset, so that the client fails at
 * once and can retry; the rest is dropped. Unless `direct`, packets that reach the agent's port
 * without the redirect are dropped too. The node's own traffic (kubelet probes among it) comes in
 * over `lo` and passes.
 */
import { bracketed } from "../../net/host_port.ts";
import type { InterfaceMatch } from "./interface_match.ts";

export const metadataAddress = { 4: "169.254.169.254", 6: "fd00:ec2::254" } as const;
export const chainName = "ROLECALL";
export const nftTable = "rolecall";

export type Family = 4 | 6;

export interface RedirectSettings {
  /** null = the node has no IPv4 address: that metadata address is dropped, not redirected. */
  readonly hostIp: string | null;
  /** null likewise for IPv6. */
  readonly hostIpv6: string | null;
  readonly port: number;
  readonly interface: InterfaceMatch;
  /** Unredirected requests reach the agent too. */
  readonly direct: boolean;
}

/** What one iptables table has to hold; without rules and jumps the chain has to be absent. */
export interface ChainRules {
  readonly table: "nat" | "filter";
  /** `-A ROLECALL …`, in order. */
  readonly rules: readonly string[];
  /** `-A HOOK … -j ROLECALL`: each the first rule of its chain. */
  readonly jumps: readonly string[];
}

/** The built-in chains that may jump to ours. */
export const hooks = { nat: ["PREROUTING"], filter: ["FORWARD", "INPUT"] } as const;

export function iptablesRules(
  family: Family,
  settings: RedirectSettings,
): readonly [nat: ChainRules, filter: ChainRules] {
  return [natRules(family, settings), filterRules(family, settings)];
}

function natRules(family: Family, settings: RedirectSettings): ChainRules {
  const target = family === 4 ? settings.hostIp : settings.hostIpv6;
  if (target === null) return { table: "nat", rules: [], jumps: [] };
  const to = bracketed(target);
  const rule = [
    `-A ${chainName} -d ${destination(family)}`,
    ...iptablesInterface(settings.interface),
    `-p tcp -m tcp --dport 80 -j DNAT --to-destination ${to}:${settings.port}`,
  ].join(" ");
  return { table: "nat", rules: [rule], jumps: [`-A PREROUTING -j ${chainName}`] };
}

/** FORWARD enters the chain for the metadata address alone, so the port's rule is INPUT's. */
function filterRules(family: Family, settings: RedirectSettings): ChainRules {
  const unredirected = "-m conntrack ! --ctstate DNAT";
  const port = `-A ${chainName} -p tcp -m tcp --dport ${settings.port} ${unredirected} -j DROP`;
  return {
    table: "filter",
    rules: [
      `-A ${chainName} -i lo -j RETURN`,
      `-A ${chainName} -d ${destination(family)} -p tcp -j REJECT --reject-with tcp-reset`,
      `-A ${chainName} -d ${destination(family)} -j DROP`,
      ...(settings.direct ? [] : [port]),
    ],
    jumps: [
      `-A FORWARD -d ${destination(family)} -j ${chainName}`,
      `-A INPUT -j ${chainName}`,
    ],
  };
}

function destination(family: Family): string {
  return `${metadataAddress[family]}/${family === 4 ? 32 : 128}`;
}

function iptablesInterface(match: InterfaceMatch): readonly string[] {
  if (match.name === "") return [];
  return [`${match.inverted ? "! " : ""}-i ${match.name}`];
}

/** A script for `nft -f`, applied as one transaction: the rules are never absent meanwhile. */
export function nftScript(settings: RedirectSettings, hasIpv6: boolean): string {
  const families: readonly Family[] = hasIpv6 ? [4, 6] : [4];
  const chains = [
    nftChain(
      "prerouting",
      "nat",
      -110,
      families.flatMap((family) => nftRedirect(family, settings)),
    ),
    nftChain("forward", "filter", -10, families.flatMap(nftRefusal)),
    nftChain("input", "filter", -10, [
      'iifname "lo" return',
      ...families.flatMap(nftRefusal),
      ...(settings.direct ? [] : [`tcp dport ${settings.port} ct status & dnat != dnat drop`]),
    ]),
  ];
  return [`table inet ${nftTable} {`, ...chains, "}", ""].join("\n");
}

/** Before every other chain of its hook: kube-proxy's and iptables' begin at -100 and 0. */
function nftChain(hook: string, type: string, priority: number, rules: readonly string[]): string {
  const head = `type ${type} hook ${hook} priority ${priority}; policy accept;`;
  return [`  chain ${hook} {`, ...[head, ...rules].map((line) => `    ${line}`), "  }"].join("\n");
}

function nftRedirect(family: Family, settings: RedirectSettings): readonly string[] {
  const target = family === 4 ? settings.hostIp : settings.hostIpv6;
  if (target === null) return [];
  const protocol = nftProtocol(family);
  const { name, inverted } = settings.interface;
  const over = `iifname ${inverted ? "!= " : ""}"${name.replace(/\+$/, "*")}" `;
  const to = bracketed(target);
  return [
    `${name === "" ? "" : over}${protocol} daddr ${metadataAddress[family]} tcp dport 80 ` +
    `dnat ${protocol} to ${to}:${settings.port}`,
  ];
}

function nftRefusal(family: Family): readonly string[] {
  const match = `${nftProtocol(family)} daddr ${metadataAddress[family]}`;
  return [`${match} meta l4proto tcp reject with tcp reset`, `${match} drop`];
}

function nftProtocol(family: Family): string {
  return family === 4 ? "ip" : "ip6";
}

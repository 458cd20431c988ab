/**
 * Which proxy a URL is reached through according to HTTPS_PROXY, HTTP_PROXY and NO_PROXY, by the
 * rules of Go's golang.org/x/net/http/httpproxy, which kubectl, kiam and kube2iam follow.
 */
import { BlockList, isIPv6 } from "node:net";
import { withoutBrackets } from "./host_port.ts";
import { canonicalAddress } from "./ip_address.ts";

/** The proxy's URL, or null for a direct connection. */
export type ProxyFor = (url: string) => string | null;

type Environment = Readonly<Record<string, string | undefined>>;

interface Target {
  /** Lower case, without brackets; an address in canonical form. */
  readonly host: string;
  readonly port: string;
  readonly isAddress: boolean;
}

/** Schemes that Go's net/http and kubectl's proxy-url accept. */
const schemes = ["http:", "https:", "socks5:", "socks5h:"];
const defaultPorts: Readonly<Record<string, string>> = { "http:": "80", "https:": "443" };

/** Upper case wins over lower case. A proxy that can't be used counts as none; see `proxyProblems`. */
export function environmentProxy(env: Environment): ProxyFor {
  const proxies: Readonly<Record<string, string | null>> = {
    "https:": readProxy(setting(env, "HTTPS_PROXY").value),
    "http:": readProxy(setting(env, "HTTP_PROXY").value),
  };
  const excluded = setting(env, "NO_PROXY").value.split(",").map(exclusion);
  return (url) => {
    const { protocol, hostname, port } = new URL(url);
    const bare = withoutBrackets(hostname.toLowerCase());
    const address = canonicalAddress(bare);
    const target = {
      host: address ?? bare,
      port: port || (defaultPorts[protocol] ?? ""),
      isAddress: address !== undefined,
    };
    if (isLoopback(target) || excluded.some((excludes) => excludes(target))) return null;
    return proxies[protocol] ?? null;
  };
}

/** One line for each of the two variables whose value is no proxy; without it, as it may be secret. */
export function proxyProblems(env: Environment): string[] {
  return ["HTTPS_PROXY", "HTTP_PROXY"].map((name) => setting(env, name))
    .filter(({ value }) => value !== "" && readProxy(value) === null)
    .map(({ name }) => `${name}: is not a proxy's URL; ${expectedProxy}`);
}

export const expectedProxy =
  "expected http://, https:// or socks5:// with a host, such as http://proxy.example:3128";

/** A proxy's URL, its scheme `http` by default; null if it isn't one. */
export function readProxy(text: string): string | null {
  const url = text.includes("://") ? text : `http://${text}`;
  if (text === "" || !URL.canParse(url)) return null;
  const { protocol, hostname } = new URL(url);
  return schemes.includes(protocol) && hostname !== "" ? url : null;
}

function setting(env: Environment, upper: string): { name: string; value: string } {
  const name = env[upper] ? upper : upper.toLowerCase();
  return { name, value: env[name]?.trim() ?? "" };
}

function isLoopback({ host, isAddress }: Target): boolean {
  return host === "localhost" || (isAddress && (host === "::1" || host.startsWith("127.")));
}

/** What one entry of NO_PROXY excludes: `*`, a CIDR, an address or a domain, the last two with a port. */
function exclusion(entry: string): (target: Target) => boolean {
  const text = entry.trim().toLowerCase();
  if (text === "*") return () => true;
  const range = readCidr(text);
  if (range !== null) {
    return ({ host, isAddress }) => isAddress && range.check(host, isIPv6(host) ? "ipv6" : "ipv4");
  }
  return domainOrAddress(text);
}

function domainOrAddress(text: string): (target: Target) => boolean {
  const { name, port } = splitPort(text);
  if (name === "") return () => false;
  const atPort = (target: Target) => port === null || target.port === port;
  const address = canonicalAddress(withoutBrackets(name));
  if (address !== undefined) return (target) => target.host === address && atPort(target);
  const exact = name.replace(/^\*?\./, "");
  const exactToo = exact === name;
  return (target) =>
    !target.isAddress && atPort(target) &&
    (target.host.endsWith(`.${exact}`) || (exactToo && target.host === exact));
}

/** An IPv6 address without brackets has no port. */
function splitPort(text: string): { name: string; port: string | null } {
  const [, name = text, port = null] = /^([^:]*|\[.*\]):(\d+)$/.exec(text) ?? [];
  return { name, port };
}

function readCidr(text: string): BlockList | null {
  const [, base = "", prefix = ""] = /^(.+)\/(\d{1,3})$/.exec(text) ?? [];
  const address = canonicalAddress(base);
  if (address === undefined) return null;
  const family = isIPv6(address) ? "ipv6" : "ipv4";
  if (Number(prefix) > (family === "ipv6" ? 128 : 32)) return null;
  const range = new BlockList();
  range.addSubnet(address, Number(prefix), family);
  return range;
}

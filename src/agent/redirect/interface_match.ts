/** The pods' interface as `--interface` gives it. */
import type { ProgramResult, RunProgram } from "../ports.ts";
import { RedirectFault } from "./redirect_fault.ts";
import { routeFault } from "./route_fault.ts";

export interface InterfaceMatch {
  /** A name, or its beginning followed by `+`; empty = any interface. */
  readonly name: string;
  /** Every interface but this one. */
  readonly inverted: boolean;
}

/**
 * `eth0`, `cali+`, `!eth0` or empty. Undefined for what no interface can be called: Linux allows
 * 15 bytes, and quotes or spaces would change the rule they are put in.
 */
export function interfaceMatch(text: string): InterfaceMatch | undefined {
  if (text === "") return { name: "", inverted: false };
  const match = /^(!?) ?([A-Za-z0-9_.@-]{1,15}|[A-Za-z0-9_.@-]{1,14}\+)$/.exec(text);
  if (!match?.[2] || match[2] === "." || match[2] === "..") return undefined;
  return { name: match[2], inverted: match[1] === "!" };
}

/**
 * `auto`: every interface but that of the default route, IPv4's if the node has one, else IPv6's.
 * @throws {RedirectFault} there is no default route, or `ip` doesn't show it
 */
export async function allButUplink(run: RunProgram): Promise<InterfaceMatch> {
  for (const family of ["-4", "-6"]) {
    const args = [family, "-j", "route", "show", "default"];
    const uplink = uplinkOf(await run("ip", args, { timeoutMs: 10_000 }));
    const match = uplink === undefined ? undefined : interfaceMatch(`!${uplink}`);
    if (match) return match;
  }
  const remedy = "set the pods' interface, such as cali+ or !eth0";
  throw new RedirectFault("failed", `--interface=auto: the node has no default route; ${remedy}`);
}

/** Of `ip -j route show default`, which lists the route with the lowest metric first. */
interface Route {
  readonly dev?: string;
  /** Of a multipath route, which has no `dev`. */
  readonly nexthops?: readonly { readonly dev?: string }[];
}

/** Unreachable default routes, which IPv6 may have, are on `lo`. */
function uplinkOf(listed: ProgramResult): string | undefined {
  const action = "--interface=auto: ip -j route show default";
  if (listed.code !== 0) throw routeFault(action, listed);
  try {
    const routes: Route[] = JSON.parse(listed.stdout.trim() || "[]");
    return routes.map(({ dev, nexthops }) => dev ?? nexthops?.[0]?.dev).find((dev) => dev !== "lo");
  } catch {
    throw routeFault(action, { ...listed, stderr: "its output is not the JSON of iproute2" });
  }
}

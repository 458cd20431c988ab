/**
 * Warns where pods share a bridge and may send raw packets: such a pod can redirect a neighbour's
 * packets to itself and read the answers to the neighbour's own requests. No proof prevents that.
 */
import * as v from "valibot";
import { pause } from "../../time/pause.ts";
import type { Clock, Kernel, Log, RunProgram } from "../ports.ts";

/** Pods come after the agent, on a new node at least. */
const checkEveryMs = 600_000;
const netRaw = 13;

interface SharedBridgeOptions {
  readonly run: RunProgram;
  readonly kernel: () => Kernel | null;
  readonly clock: Clock;
  readonly log: Log;
}

/** `ip -j -d link show` */
const links = v.array(v.object({
  ifname: v.string(),
  master: v.optional(v.string()),
  link_netnsid: v.optional(v.number()),
  linkinfo: v.optional(v.object({ info_kind: v.optional(v.string()) })),
}));

/** Looks every ten minutes, and warns once, until the signal aborts. */
export async function warnOfSharedBridge(
  options: SharedBridgeOptions,
  signal: AbortSignal,
): Promise<void> {
  const { clock, log } = options;
  while (!signal.aborted) {
    const bridge = await sharedBridge(options.run);
    const pods = bridge === null ? 0 : await options.kernel()?.podsWith(netRaw) ?? 0;
    if (pods > 0) {
      return log.warn(
        { bridge, pods },
        "pods share a bridge and may use NET_RAW: docs/security.md",
      );
    }
    await pause(clock, checkEveryMs, signal);
  }
}

/** A bridge with ports that lead to at least two other network namespaces. */
async function sharedBridge(run: RunProgram): Promise<string | null> {
  const { stdout } = await run("ip", ["-j", "-d", "link", "show"]);
  let found: v.InferOutput<typeof links>;
  try {
    found = v.parse(links, JSON.parse(stdout));
  } catch {
    return null;
  }
  const bridges = found.filter(({ linkinfo }) => linkinfo?.info_kind === "bridge");
  const ports = (bridge: string) =>
    found.filter(({ master, link_netnsid }) => master === bridge && link_netnsid !== undefined);
  return bridges.find(({ ifname }) => ports(ifname).length > 1)?.ifname ?? null;
}

/**
 * Warns where pods share a bridge and may send raw packets: such a pod can redirect a neighbour's
 * packets to itself and read the answers to the neighbour's own requests. No proof prevents that.
 */
import * as v from "valibot";
import { parsedJson } from "../../net/json.ts";
import { pause } from "../../time/pause.ts";
import type { Clock, Kernel, Log, RunProgram } from "../ports.ts";

/** On a new node, pods start after the agent. */
const checkEveryMs = 600_000;
/** Pods don't wait for it. */
const firstAfterMs = 10_000;
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

/** Checks every ten minutes until the signal aborts, and warns once. */
export async function warnOfSharedBridge(
  options: SharedBridgeOptions,
  signal: AbortSignal,
): Promise<void> {
  const { clock, log } = options;
  await pause(clock, firstAfterMs, signal);
  while (!signal.aborted) {
    const kernel = options.kernel();
    const bridge = kernel === null ? null : await sharedBridge(options.run);
    const pods = bridge === null ? 0 : await kernel?.podsWith(netRaw) ?? 0;
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
  const found = v.safeParse(links, parsedJson(stdout));
  if (!found.success) return null;
  const bridges = found.output.filter(({ linkinfo }) => linkinfo?.info_kind === "bridge");
  const ports = (bridge: string) =>
    found.output.filter(({ master, link_netnsid }) =>
      master === bridge && link_netnsid !== undefined
    );
  return bridges.find(({ ifname }) => ports(ifname).length > 1)?.ifname ?? null;
}

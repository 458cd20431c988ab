/**
 * Notices when somebody changes packet filter or routing rules, from the kernel's own notifications
 * (netlink, through `nft monitor` and `ip monitor`). Only says that something changed: the
 * reconciler reads the rules back. iptables-legacy has no notifications; there the poll has to do.
 */
import { pause } from "../../time/pause.ts";
import type { Clock, FollowProgram } from "../ports.ts";

/** Deletions alone: a flush is one, and kube-proxy's additions are far more frequent. */
const monitors = [
  ["nft", ["monitor", "destroy"]],
  ["ip", ["monitor", "rule"]],
  ["ip", ["-6", "monitor", "rule"]],
] as const;

/** A monitor ends if its program is missing, or if the kernel dropped notifications (ENOBUFS). */
const restartAfterMs = 5000;

/** Calls `changed` after each change, until the signal aborts. */
export async function watchRules(
  { follow, clock }: { readonly follow: FollowProgram; readonly clock: Pick<Clock, "after"> },
  changed: () => void,
  signal: AbortSignal,
): Promise<void> {
  await Promise.all(monitors.map(async ([command, args]) => {
    while (!signal.aborted) {
      await follow(command, args, { output: changed, signal });
      await pause(clock, restartAfterMs, signal);
    }
  }));
}

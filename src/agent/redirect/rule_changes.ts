/**
 * Notices when somebody changes packet filter or routing rules, from the kernel's own notifications
 * (netlink, through `nft monitor` and `ip monitor`). Only says that something changed: the
 * reconciler reads the rules. iptables-legacy has no notifications, so one rule is polled instead.
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

/** A poll costs 1 to 2 ms of CPU for each family; 60 ms on a node with 40,000 rules, so less often. */
const pollMs = { least: 150, timesPoll: 20 };

/** Calls `changed` each time the redirect goes missing, until the signal aborts. */
export async function pollRedirect(
  { isMissing, clock }: {
    readonly isMissing: () => Promise<boolean>;
    readonly clock: Pick<Clock, "after" | "monotonic">;
  },
  changed: () => void,
  signal: AbortSignal,
): Promise<void> {
  let wasMissing = false;
  while (!signal.aborted) {
    const start = clock.monotonic();
    const missing = await isMissing();
    const tookMs = clock.monotonic() - start;
    if (missing && !wasMissing) changed();
    wasMissing = missing;
    await pause(clock, Math.max(pollMs.least, tookMs * pollMs.timesPoll), signal);
  }
}

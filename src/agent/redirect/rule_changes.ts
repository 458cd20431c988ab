/**
 * Notices when somebody changes packet filter or routing rules, from the kernel's own notifications
 * (netlink, through `nft monitor` and `ip monitor`). Only says that something changed: the
 * reconciler reads the rules back. iptables-legacy has no notifications: there one rule is looked at,
 * as often as costs next to nothing.
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

/** A look costs 1 to 2 ms of CPU for each family; on a node with 40,000 rules 60 ms, so less often. */
const lookMs = { least: 150, timesLook: 20 };

/** Calls `changed` each time that the redirect goes missing, until the signal aborts. */
export async function watchRedirect(
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
    await pause(clock, Math.max(lookMs.least, tookMs * lookMs.timesLook), signal);
  }
}

/** The agent's redirect, from its settings to a reconciler that runs the node's own programs. */
import type { HostPort } from "../../net/host_port.ts";
import type { Clock, FollowProgram, Log, RunProgram } from "../ports.ts";
import { chooseBackend } from "./choose_backend.ts";
import { cutFlows } from "./cut_flows.ts";
import { allButUplink, type InterfaceMatch } from "./interface_match.ts";
import { iptablesBackend } from "./iptables_backend.ts";
import { nftablesBackend } from "./nftables_backend.ts";
import { RedirectReconciler } from "./redirect_reconciler.ts";
import { watchRules } from "./rule_changes.ts";
import type { RedirectSettings } from "./redirect_rules.ts";
import { removeRedirect } from "./remove_redirect.ts";
import { routeGuard } from "./route_guard.ts";

interface RedirectFlags extends Omit<RedirectSettings, "port" | "interface"> {
  readonly redirect: "auto" | "iptables" | "nftables" | "none";
  readonly listen: HostPort;
  /** `auto`: every interface but the default route's. */
  readonly interface: InterfaceMatch | "auto";
}

/** null for `--redirect=none`. */
export function createRedirect(
  node: { readonly run: RunProgram; readonly follow: FollowProgram; readonly hasIpv6: boolean },
  agent: RedirectFlags,
  { clock, log }: { readonly clock: Clock; readonly log: Log },
): RedirectReconciler | null {
  const { redirect } = agent;
  if (redirect === "none") return null;
  return new RedirectReconciler({
    clock,
    log,
    guard: routeGuard(node.run, node.hasIpv6),
    choose: async () => {
      const chosen = await chooseBackend(node.run, redirect);
      const match = agent.interface === "auto" ? await detected(node.run, log) : agent.interface;
      const settings: RedirectSettings = { ...agent, port: agent.listen.port, interface: match };
      const options = { ...node, settings };
      return chosen.kind === "nftables"
        ? nftablesBackend(options)
        : iptablesBackend({ ...options, variant: chosen.kind, program: chosen.program });
    },
    cutFlows: () => cutFlows(node.run, node.hasIpv6),
    watch: (changed, signal) => watchRules({ follow: node.follow, clock }, changed, signal),
    removeOthers: (keep) => removeRedirect(node.run, node.hasIpv6, keep),
  });
}

async function detected(run: RunProgram, log: Log): Promise<InterfaceMatch> {
  const match = await allButUplink(run);
  log.info(
    { except: match.name },
    "redirecting requests from every interface except the default route's",
  );
  return match;
}

/**
 * The systemd unit that protects a node from boot on. After a reboot the kubelet starts the pods
 * bound to the node before any agent runs, and they would reach the real metadata service. The unit
 * installs the agent's own routing rules with nothing but the host's `ip`. Pure.
 */
import { ownRoute, routePlan } from "../redirect/route_rules.ts";

interface UnitFile {
  /** Below the host's `/etc/systemd`. */
  readonly path: string;
  readonly text: string;
}

const unit = "rolecall-boot-guard.service";
const origin = "# Written by Rolecall's boot-guard; `rolecall uninstall` removes it.";
/**
 * Whatever starts pods waits for the rules. `Before=` also holds for units that don't exist, so all
 * of them can be named.
 */
const startsPods = [
  "kubelet.service",
  "k3s.service",
  "k3s-agent.service",
  "rke2-server.service",
  "rke2-agent.service",
];
const networkManagers = ["systemd-networkd.service", "NetworkManager.service"];

/**
 * The unit; a drop-in that starts it at boot, as a link in a `.wants` folder would; and one for
 * systemd-networkd, which otherwise removes rules of others whenever it configures an interface:
 * after it has reported its start, and again for each interface that is added later.
 */
export function unitFiles(): readonly UnitFile[] {
  const dropIn = unit.replace(".service", ".conf");
  return [
    { path: `system/${unit}`, text: unitText() },
    { path: `system/multi-user.target.d/${dropIn}`, text: `[Unit]\nWants=${unit}\n` },
    {
      path: `networkd.conf.d/${dropIn}`,
      text: `${origin}\n[Network]\nManageForeignRoutingPolicyRules=no\n`,
    },
  ];
}

/** A failing line ends nothing: a rule may be there already, and a node may lack IPv6. */
function unitText(): string {
  const commands = ([4, 6] as const).flatMap((family) =>
    [`route replace ${ownRoute(family)}`, ...routePlan(family, [])]
      .map((words) => `ExecStart=-/usr/bin/env ip -${family} ${words}`)
  );
  return [
    origin,
    "[Unit]",
    "Description=Keeps pods off the instance metadata service until Rolecall's agent runs",
    `After=${networkManagers.join(" ")}`,
    // A restart of the network manager is passed on to this unit.
    `PartOf=${networkManagers.join(" ")}`,
    // Until its next reload, systemd still knows a unit after its file was removed, and would start it again.
    `ConditionPathExists=/etc/systemd/system/${unit}`,
    `Before=${startsPods.join(" ")}`,
    "",
    "[Service]",
    "Type=oneshot",
    "RemainAfterExit=yes",
    ...commands,
    "",
    "[Install]",
    "WantedBy=multi-user.target",
    "",
  ].join("\n");
}

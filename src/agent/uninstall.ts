/** The `uninstall` command: takes away what the agent leaves on its node: rules and addresses. */
import type { Host } from "../runtime/contract.ts";
import type { Command } from "../settings/command.ts";
import { refuse } from "../settings/command.ts";
import { parseFlags } from "../settings/parse_flags.ts";
import { AddressFault } from "./container_credentials/address_fault.ts";
import { removeAddresses } from "./container_credentials/node_addresses.ts";
import { RedirectFault } from "./redirect/redirect_fault.ts";
import { removeRedirect } from "./redirect/remove_redirect.ts";
import { removeRouteGuard } from "./redirect/route_guard.ts";

export const uninstallCommand: Command = {
  usage: "",
  summary: "removes this node's redirect rules and the addresses of container credentials",
  flags: {},
  examples: ["uninstall"],
  run: (host, args) => uninstall(host, args),
};

/**
 * 0 when nothing of ours is left, also where nothing was; 1 where that can't be told. A kind that the
 * node lacks the program or the kernel's modules for holds nothing.
 */
export async function uninstall(host: Host, args: readonly string[]): Promise<number> {
  const parsed = parseFlags({}, args, host.env);
  if (parsed.kind === "problems") return refuse(host, parsed.problems);
  const strays = parsed.positionals.map((text) => `${text}: unexpected; uninstall takes nothing`);
  if (strays.length > 0) return refuse(host, strays);
  const { removed, problems } = await removeRedirect(host.run, host.hasIpv6());
  for (const kind of removed) host.writeOut(`removed the redirect by ${kind}\n`);
  const guard = await takeGuardAway(host);
  for (const what of guard.removed) host.writeOut(`removed the ${what}\n`);
  const addresses = await takeAddressesAway(host);
  for (const what of addresses.removed) host.writeOut(`removed the ${what}\n`);
  const serious = [
    ...[...problems, ...guard.problems].filter(isSerious),
    ...addresses.problems,
  ];
  for (const { message } of serious) host.writeError(`${message}\n`);
  if (serious.length > 0) return 1;
  if (removed.length + guard.removed.length === 0) host.writeOut("no redirect here\n");
  return 0;
}

/** What the node lacks the program or the modules for can't be there. */
function isSerious({ code }: RedirectFault): boolean {
  return code !== "no_module" && code !== "no_program";
}

async function takeGuardAway(host: Host) {
  try {
    const there = await removeRouteGuard(host.run, host.hasIpv6());
    return { removed: there ? ["routing rules"] : [], problems: [] };
  } catch (fault) {
    if (!(fault instanceof RedirectFault)) throw fault;
    return { removed: [], problems: [fault] };
  }
}

async function takeAddressesAway(host: Host) {
  try {
    return { removed: await removeAddresses(host.run), problems: [] };
  } catch (fault) {
    if (!(fault instanceof AddressFault)) throw fault;
    return { removed: [], problems: [fault] };
  }
}

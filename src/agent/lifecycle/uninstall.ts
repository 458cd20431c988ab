/** The `uninstall` command: takes away what the agent leaves on its node: rules and addresses. */
import type { Runtime } from "../../runtime/runtime.ts";
import type { Command } from "../../cli/command.ts";
import { refuse } from "../../cli/command.ts";
import { parseFlags } from "../../cli/parse_flags.ts";
import { AddressFault } from "../container_credentials/address_fault.ts";
import { removeAddresses } from "../container_credentials/node_addresses.ts";
import { RedirectFault } from "../redirect/redirect_fault.ts";
import { removeRedirect } from "../redirect/remove_redirect.ts";
import { removeRouteGuard } from "../redirect/route_guard.ts";

export const uninstallCommand: Command = {
  usage: "",
  summary: "removes this node's redirect rules and the addresses of container credentials",
  flags: {},
  examples: ["uninstall"],
  run: (runtime, args) => uninstall(runtime, args),
};

/**
 * 0 when nothing of ours is left, also where nothing was; 1 where that can't be told. A kind that the
 * node lacks the program or the kernel's modules for holds nothing.
 */
export async function uninstall(runtime: Runtime, args: readonly string[]): Promise<number> {
  const parsed = parseFlags({}, args, runtime.env);
  if (parsed.kind === "problems") return refuse(runtime, parsed.problems);
  const strays = parsed.positionals.map((text) => `${text}: unexpected; uninstall takes nothing`);
  if (strays.length > 0) return refuse(runtime, strays);
  const { removed, problems } = await removeRedirect(runtime.run, runtime.hasIpv6());
  for (const kind of removed) runtime.writeOut(`removed the redirect by ${kind}\n`);
  const guard = await takeGuardAway(runtime);
  for (const what of guard.removed) runtime.writeOut(`removed the ${what}\n`);
  const addresses = await takeAddressesAway(runtime);
  for (const what of addresses.removed) runtime.writeOut(`removed the ${what}\n`);
  const serious = [
    ...[...problems, ...guard.problems].filter(isSerious),
    ...addresses.problems,
  ];
  for (const { message } of serious) runtime.writeError(`${message}\n`);
  if (serious.length > 0) return 1;
  if (removed.length + guard.removed.length === 0) runtime.writeOut("no redirect here\n");
  return 0;
}

/** What the node lacks the program or the modules for can't be there. */
function isSerious({ code }: RedirectFault): boolean {
  return code !== "no_module" && code !== "no_program";
}

async function takeGuardAway(runtime: Runtime) {
  try {
    const there = await removeRouteGuard(runtime.run, runtime.hasIpv6());
    return { removed: there ? ["routing rules"] : [], problems: [] };
  } catch (fault) {
    if (!(fault instanceof RedirectFault)) throw fault;
    return { removed: [], problems: [fault] };
  }
}

async function takeAddressesAway(runtime: Runtime) {
  try {
    return { removed: await removeAddresses(runtime.run), problems: [] };
  } catch (fault) {
    if (!(fault instanceof AddressFault)) throw fault;
    return { removed: [], problems: [fault] };
  }
}

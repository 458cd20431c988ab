/** The `uninstall` command: removes everything that the agent leaves on its node. */
import type { Runtime } from "../runtime/runtime.ts";
import { refuse } from "../cli/command.ts";
import { parseFlagsOnly } from "../cli/parse_flags.ts";
import { removeUnit } from "./boot_guard/command.ts";
import { removeAddresses } from "./container_credentials/node_addresses.ts";
import { uninstallFlags } from "./flags.ts";
import { usedSocketFile } from "./identity/used_socket_file.ts";
import { tokenKeyFile } from "./imds/token_key_file.ts";
import { removeRedirect } from "./redirect/remove_redirect.ts";
import { removeRouteGuard } from "./redirect/route_guard.ts";

/** What one step removed, and what it could not look at or remove. */
interface Step {
  readonly removed: readonly string[];
  readonly problems: readonly Error[];
}

/**
 * 0 if nothing of ours is left, also if nothing was there; 1 if that can't be determined. A packet
 * filter whose program or kernel module the node lacks holds nothing.
 */
export async function uninstall(runtime: Runtime, args: readonly string[]): Promise<number> {
  const parsed = parseFlagsOnly("uninstall", uninstallFlags, args, runtime.env);
  if (parsed.kind === "problems") return refuse(runtime, parsed.problems);
  const { "state-dir": stateDir, "unit-dir": unitDir } = parsed.values;
  // The boot guard first: a node that restarts halfway must not be left closed.
  const steps = [
    await step(async () => await removeUnit(runtime, unitDir) ? ["the boot guard's unit"] : []),
    await removeRules(runtime),
    await step(async () => {
      return await removeRouteGuard(runtime.run, runtime.hasIpv6()) ? ["the routing rules"] : [];
    }),
    await step(async () => (await removeAddresses(runtime.run)).map((what) => `the ${what}`)),
    await step(async () => {
      return await runtime.removeFile(tokenKeyFile(stateDir)) ? ["the token keys"] : [];
    }),
    await step(async () => {
      return await runtime.removeFile(usedSocketFile(stateDir)) ? ["the used sockets"] : [];
    }),
  ];
  const removed = steps.flatMap((one) => one.removed);
  for (const what of removed) runtime.writeOut(`removed ${what}\n`);
  const serious = steps.flatMap(({ problems }) => problems).filter(isSerious);
  for (const { message } of serious) runtime.writeError(`${message}\n`);
  if (serious.length > 0) return 1;
  if (removed.length === 0) runtime.writeOut("nothing to remove\n");
  return 0;
}

/** Without its program or kernel module, a packet filter holds nothing. */
function isSerious(problem: Error & { readonly code?: unknown }): boolean {
  return problem.code !== "no_module" && problem.code !== "no_program";
}

async function step(remove: () => Promise<readonly string[]>): Promise<Step> {
  try {
    return { removed: await remove(), problems: [] };
  } catch (fault) {
    return { removed: [], problems: [fault instanceof Error ? fault : new Error(String(fault))] };
  }
}

async function removeRules(runtime: Runtime): Promise<Step> {
  const { removed, problems } = await removeRedirect(runtime.run, runtime.hasIpv6());
  return { removed: removed.map((kind) => `the redirect by ${kind}`), problems };
}

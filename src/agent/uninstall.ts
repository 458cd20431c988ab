/** The `uninstall` command: takes this node's redirect away, whichever kind it is. */
import type { Host } from "../runtime/contract.ts";
import type { Command } from "../settings/command.ts";
import { refuse } from "../settings/command.ts";
import { parseFlags } from "../settings/flags.ts";
import { removeRedirect } from "./redirect/remove_redirect.ts";

export const uninstallCommand: Command = {
  usage: "",
  summary: "removes this node's redirect rules",
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
  const serious = problems.filter(({ code }) => code !== "no_module" && code !== "no_program");
  for (const { message } of serious) host.writeError(`${message}\n`);
  if (serious.length > 0) return 1;
  if (removed.length === 0) host.writeOut("no redirect here\n");
  return 0;
}

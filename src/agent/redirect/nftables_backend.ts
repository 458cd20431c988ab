/**
 * The redirect by nft, in a table of its own. It remembers how the kernel lists the table right
 * after the rules were applied; any other listing later means that someone changed them.
 */
import type { RedirectBackend } from "./iptables_backend.ts";
import { redirectFault, runOrFault } from "./redirect_fault.ts";
import { nftScript, nftTable, type RedirectSettings } from "./redirect_rules.ts";
import type { RunProgram } from "../ports.ts";

interface NftablesOptions {
  readonly run: RunProgram;
  readonly settings: RedirectSettings;
  readonly hasIpv6: boolean;
}

export function nftablesBackend({ run, settings, hasIpv6 }: NftablesOptions): RedirectBackend {
  const script = nftScript(settings, hasIpv6);
  let applied: string | null = null;
  return {
    kind: "nftables",
    async ensure() {
      if (applied !== null && await readBack(run) === applied) return false;
      await apply(run, script);
      applied = await readBack(run);
      return true;
    },
  };
}

/** Removes the table; resolves to whether it was there. A missing program removes nothing. */
export async function removeNftables(run: RunProgram): Promise<boolean> {
  const listed = await run("nft", ["list", "tables"], { timeoutMs: 20_000 });
  if (listed.code === 127) return false;
  if (listed.code !== 0) throw redirectFault("nft", listed);
  if (!listed.stdout.split("\n").includes(`table inet ${nftTable}`)) return false;
  await runOrFault(run, "nft", ["delete", "table", "inet", nftTable]);
  return true;
}

/** In one transaction; a table left by another version, whose chains differ, is recreated. */
async function apply(run: RunProgram, script: string): Promise<void> {
  const table = `inet ${nftTable}`;
  const refilled = `add table ${table}\nflush table ${table}\n${script}`;
  const result = await run("nft", ["-f", "-"], { stdin: refilled, timeoutMs: 20_000 });
  if (result.code === 0) return;
  if (!/file exists|not supported/i.test(result.stderr)) throw redirectFault("nft", result);
  await runOrFault(run, "nft", ["-f", "-"], `add table ${table}\ndelete table ${table}\n${script}`);
}

/** The table's chains and rules without their numbers; null where the table is missing. */
async function readBack(run: RunProgram): Promise<string | null> {
  const args = ["-j", "list", "table", "inet", nftTable];
  const listed = await run("nft", args, { timeoutMs: 20_000 });
  if (listed.code !== 0 && /no such file/i.test(listed.stderr)) return null;
  if (listed.code !== 0) throw redirectFault("nft", listed);
  const { nftables } = JSON.parse(listed.stdout) as { nftables: readonly object[] };
  const things = nftables.filter((thing) => !("metainfo" in thing));
  return JSON.stringify(things, (key, value) => key === "handle" ? undefined : value);
}

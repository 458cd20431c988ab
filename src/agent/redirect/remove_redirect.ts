/** Removes the redirect from this node, whichever kind of packet filter holds it. */
import { type IptablesVariant, type RedirectBackend, removeIptables } from "./iptables_backend.ts";
import { removeNftables } from "./nftables_backend.ts";
import { RedirectFault } from "./redirect_fault.ts";
import type { Family } from "./redirect_rules.ts";
import type { RunProgram } from "../ports.ts";

type Kind = RedirectBackend["kind"];

export interface Removal {
  /** Kinds that held something of ours. */
  readonly removed: readonly Kind[];
  /** Kinds that couldn't be checked or cleared. */
  readonly problems: readonly RedirectFault[];
}

/** Clears every kind but `keep`. Idempotent. */
export async function removeRedirect(
  run: RunProgram,
  hasIpv6: boolean,
  keep: Kind | null = null,
): Promise<Removal> {
  const removed: Kind[] = [];
  const problems: RedirectFault[] = [];
  for (const kind of ["iptables-nft", "iptables-legacy", "nftables"] as const) {
    if (kind === keep) continue;
    try {
      if (await removeKind(run, kind, hasIpv6)) removed.push(kind);
    } catch (fault) {
      if (!(fault instanceof RedirectFault)) throw fault;
      problems.push(fault);
    }
  }
  return { removed, problems };
}

async function removeKind(run: RunProgram, kind: Kind, hasIpv6: boolean): Promise<boolean> {
  if (kind === "nftables") return await removeNftables(run);
  const families: readonly Family[] = hasIpv6 ? [4, 6] : [4];
  let removed = false;
  for (const family of families) {
    if (await removeIptables(run, await programOf(run, kind), family)) removed = true;
  }
  return removed;
}

/** The variant's own program, or plain `iptables` where only that is there and is that variant. */
async function programOf(run: RunProgram, kind: IptablesVariant) {
  const own = await run(kind, ["-V"]);
  if (own.code !== 127) return kind;
  const plain = await run("iptables", ["-V"]);
  const isNft = plain.stdout.includes("nf_tables");
  return plain.code === 0 && isNft === (kind === "iptables-nft") ? "iptables" : kind;
}

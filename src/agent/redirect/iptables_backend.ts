/** The redirect by iptables, in either of its variants, for both families of addresses. */
import { type Chains, readChains, readTables, removalPlan, repairPlan } from "./iptables_plan.ts";
import { redirectFault, runOrFault } from "./redirect_fault.ts";
import {
  chainName,
  type ChainRules,
  type Family,
  hooks,
  iptablesRules,
  type RedirectSettings,
} from "./redirect_rules.ts";
import type { RunProgram } from "../ports.ts";

export type IptablesVariant = "iptables-nft" | "iptables-legacy";

/** A kind of packet filter that can hold the redirect. */
export interface RedirectBackend {
  readonly kind: IptablesVariant | "nftables";
  /**
   * Reads the rules and repairs them; resolves to whether anything had to change.
   * @throws {RedirectFault} naming the remedy.
   */
  ensure(): Promise<boolean>;
  /**
   * Whether the redirect is missing now, by the cheapest check; absent where the kernel reports
   * changes.
   */
  isMissing?(): Promise<boolean>;
}

/** Seconds to wait for the lock that legacy iptables shares with kube-proxy and CNI plugins. */
const lockSeconds = "5";
/** Someone may change the same chains between reading and writing; the whole write then fails. */
const attempts = 3;

/** How the variants report a missing chain; the message of iptables-nft 1.8.9 is the oddest. */
const noSuchChain =
  /no chain|does not exist|no such file|chain .ROLECALL. in table .* incompatible/i;

interface IptablesOptions {
  readonly run: RunProgram;
  readonly settings: RedirectSettings;
  readonly hasIpv6: boolean;
  readonly variant: IptablesVariant;
  /** Prefix of the programs' names: the variant, or plain `iptables` where that is the variant. */
  readonly program: string;
}

export function iptablesBackend(options: IptablesOptions): RedirectBackend {
  const families: readonly Family[] = options.hasIpv6 ? [4, 6] : [4];
  return {
    kind: options.variant,
    async ensure() {
      let changed = false;
      for (const family of families) {
        for (const wanted of iptablesRules(family, options.settings)) {
          if (await ensureTable(options.run, familyProgram(options.program, family), wanted)) {
            changed = true;
          }
        }
      }
      return changed;
    },
    ...options.variant === "iptables-legacy" && {
      isMissing: async () => {
        for (const family of families) {
          if (await lacksJump(options, family)) return true;
        }
        return false;
      },
    },
  };
}

/** The first rule shows a flush as well as a rule inserted before ours; listing it takes 1 ms. */
async function lacksJump(
  { run, program, settings }: IptablesOptions,
  family: Family,
): Promise<boolean> {
  const [{ table, jumps: [jump] }] = iptablesRules(family, settings);
  if (jump === undefined) return false;
  const first = ["-w", lockSeconds, "-t", table, "-S", "PREROUTING", "1"];
  const { code, stdout } = await run(familyProgram(program, family), first);
  return code === 0 && stdout.trim() !== jump;
}

/** `ip6tables-nft` for `iptables-nft`. */
function familyProgram(program: string, family: Family): string {
  return family === 4 ? program : program.replace(/^iptables/, "ip6tables");
}

async function ensureTable(
  run: RunProgram,
  program: string,
  wanted: ChainRules,
): Promise<boolean> {
  for (let attempt = 1; attempt <= attempts; attempt++) {
    const plan = repairPlan(wanted, await listChains(run, program, wanted.table));
    if (plan === null) return attempt > 1;
    await restore(run, program, plan).catch((fault) => {
      if (attempt === attempts) throw fault;
    });
  }
  const left = repairPlan(wanted, await listChains(run, program, wanted.table));
  if (left === null) return true;
  throw redirectFault(program, {
    code: 1,
    stdout: "",
    stderr: `the ${wanted.table} rules don't stay; another program removes them`,
  });
}

/** Our chain and those that jump to it; a node's whole table can have tens of thousands of rules. */
async function listChains(
  run: RunProgram,
  program: string,
  table: "nat" | "filter",
): Promise<Chains> {
  const list = (chain: string) => ["-w", lockSeconds, "-t", table, "-S", chain];
  let listing = "";
  for (const hook of hooks[table]) listing += await runOrFault(run, program, list(hook)) + "\n";
  const own = await run(program, list(chainName), { timeoutMs: 20_000 });
  if (own.code !== 0 && !noSuchChain.test(own.stderr)) {
    throw redirectFault(program, own);
  }
  return readChains(listing + (own.code === 0 ? own.stdout : ""));
}

async function restore(run: RunProgram, program: string, plan: string): Promise<void> {
  await runOrFault(run, `${program}-restore`, ["--noflush", "-w", lockSeconds], plan);
}

/**
 * Removes our chain and jumps; resolves to whether there were any. It reads only tables that the
 * kernel already has, so that no kernel module is loaded for nothing. If the program is missing,
 * nothing is removed.
 */
export async function removeIptables(
  run: RunProgram,
  program: string,
  family: Family,
): Promise<boolean> {
  const name = familyProgram(program, family);
  const saved = await run(`${name}-save`, [], { timeoutMs: 20_000 });
  if (saved.code === 127) return false;
  if (saved.code !== 0) throw redirectFault(`${name}-save`, saved);
  const tables = readTables(saved.stdout);
  let removed = false;
  for (const table of ["nat", "filter"] as const) {
    const plan = removalPlan(table, tables.get(table) ?? new Map());
    if (plan === null) continue;
    await restore(run, name, plan);
    removed = true;
  }
  return removed;
}

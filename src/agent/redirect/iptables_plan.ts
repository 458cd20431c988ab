/**
 * Compares the rules that iptables lists with those that should be there, and writes the input for
 * iptables-restore that makes up the difference. Pure.
 */
import { chainName, type ChainRules, hooks } from "./redirect_rules.ts";

/** Rules by chain as `iptables -S` and `iptables-save` list them; an absent chain has no entry. */
export type Chains = ReadonlyMap<string, readonly string[]>;

/** The `-A` and `-N` lines of a listing, or of one table of `iptables-save`. */
export function readChains(listing: string): Chains {
  const chains = new Map<string, string[]>();
  const of = (chain: string) => {
    const rules = chains.get(chain) ?? [];
    chains.set(chain, rules);
    return rules;
  };
  for (const line of listing.split("\n")) {
    const [, kind, chain] = /^(-[PNA] |:)(\S+)/.exec(line) ?? [];
    if (chain === undefined) continue;
    const rules = of(chain);
    if (kind === "-A ") rules.push(line.trim());
  }
  return chains;
}

/** Each table of `iptables-save`'s output. */
export function readTables(saved: string): ReadonlyMap<string, Chains> {
  const parts = saved.split(/^\*/m).slice(1);
  return new Map(parts.map((part) => {
    const [name = "", ...rest] = part.split("\n");
    return [name.trim(), readChains(rest.join("\n"))];
  }));
}

/** Input for `iptables-restore --noflush`, committed as a whole; null where all is in place. */
export function repairPlan(wanted: ChainRules, chains: Chains): string | null {
  if (inPlace(wanted, chains)) return null;
  if (wanted.rules.length === 0) return removalPlan(wanted.table, chains);
  const lines = [
    `*${wanted.table}`,
    // Flushes the chain if it is there, within the same commit.
    `:${chainName} - [0:0]`,
    ...wanted.rules,
    ...strayJumps(wanted.table, chains).map((rule) => rule.replace(/^-A/, "-D")),
    ...wanted.jumps.map((rule) => rule.replace(/^-A (\S+)/, "-I $1 1")),
    "COMMIT",
    "",
  ];
  return lines.join("\n");
}

/** Input that removes chain and jumps; null where there are none. */
export function removalPlan(table: "nat" | "filter", chains: Chains): string | null {
  const jumps = strayJumps(table, chains).map((rule) => rule.replace(/^-A/, "-D"));
  const chain = chains.has(chainName) ? [`-F ${chainName}`, `-X ${chainName}`] : [];
  if (jumps.length + chain.length === 0) return null;
  return [`*${table}`, ...jumps, ...chain, "COMMIT", ""].join("\n");
}

function inPlace(wanted: ChainRules, chains: Chains): boolean {
  const rules = chains.get(chainName);
  if (wanted.rules.length === 0) {
    return rules === undefined && strayJumps(wanted.table, chains).length === 0;
  }
  if (!rules || !sameRules(rules, wanted.rules)) return false;
  return hooks[wanted.table].every((hook) => {
    const jumps = wanted.jumps.filter((rule) => rule.startsWith(`-A ${hook} `));
    const first = (chains.get(hook) ?? []).slice(0, jumps.length);
    const others = (chains.get(hook) ?? []).slice(jumps.length);
    return sameRules(first, jumps) && !others.some(jumpsToUs);
  });
}

function strayJumps(table: "nat" | "filter", chains: Chains): readonly string[] {
  return hooks[table].flatMap((hook) => (chains.get(hook) ?? []).filter(jumpsToUs));
}

function jumpsToUs(rule: string): boolean {
  return new RegExp(`-[jg] ${chainName}(?: |$)`).test(rule);
}

function sameRules(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length &&
    a.every((rule, index) => canonical(rule) === canonical(b[index]!));
}

/**
 * A rule's options in one order and spelling: versions of iptables differ in where they put
 * `-i`, in whether they name a protocol's own match, and in writing a host's mask.
 */
function canonical(rule: string): string {
  const options = rule.split(/(?<!!) (?=(?:! )?-{1,2}[a-z])/i)
    .map((option) => option.replace(/\/(?:32|128)$/, ""))
    .filter((option) => !/^-m (?:tcp|conntrack)$/.test(option));
  return options.sort().join(" ");
}

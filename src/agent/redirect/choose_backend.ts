/** Which packet filter holds the redirect: the one in use on the node, or the configured one. */
import { type IptablesVariant } from "./iptables_backend.ts";
import { redirectFault } from "./redirect_fault.ts";
import { chainName } from "./redirect_rules.ts";
import type { RunProgram } from "../ports.ts";

type ChosenBackend =
  | { readonly kind: "nftables" }
  | { readonly kind: IptablesVariant; readonly program: string };

interface Usage {
  readonly variant: IptablesVariant;
  readonly program: string;
  /** Rules other than ours. */
  readonly rules: number;
  /** The kubelet leaves a chain in the variant it uses, for others to see. */
  readonly kubelet: boolean;
}

/**
 * `auto`: kube-proxy's own nft table means nft; else the iptables variant that the kubelet has left
 * its mark in, else the one with more rules; on a node without any, iptables over nft, then nft.
 * @throws {RedirectFault} none of the programs is there, or none may be run.
 */
export async function chooseBackend(
  run: RunProgram,
  flag: "auto" | "iptables" | "nftables",
): Promise<ChosenBackend> {
  if (flag === "nftables") return { kind: "nftables" };
  const tables = flag === "auto" ? await run("nft", ["list", "tables"]) : undefined;
  if (tables?.code === 0 && /^table \w+ kube-proxy$/m.test(tables.stdout)) {
    return { kind: "nftables" };
  }
  const found = await usages(run);
  const chosen = found.find(({ kubelet }) => kubelet) ?? busiest(found);
  if (chosen) return { kind: chosen.variant, program: chosen.program };
  if (tables?.code === 0) return { kind: "nftables" };
  throw await whyNone(run);
}

/** Every iptables variant that can be run here, the preferred one first. */
async function usages(run: RunProgram): Promise<readonly Usage[]> {
  const found: Usage[] = [];
  for (const variant of ["iptables-nft", "iptables-legacy"] as const) {
    const usage = await usageOf(run, variant, variant);
    if (usage) found.push(usage);
  }
  return found.length > 0 ? found : await plainUsage(run);
}

/** Some images have `iptables` alone; it says itself which variant it is. */
async function plainUsage(run: RunProgram): Promise<readonly Usage[]> {
  const version = await run("iptables", ["-V"]);
  if (version.code !== 0) return [];
  const variant = version.stdout.includes("nf_tables") ? "iptables-nft" : "iptables-legacy";
  const usage = await usageOf(run, variant, "iptables");
  return usage ? [usage] : [];
}

async function usageOf(
  run: RunProgram,
  variant: IptablesVariant,
  program: string,
): Promise<Usage | undefined> {
  const saved = await run(`${program}-save`, [], { timeoutMs: 20_000 });
  if (saved.code !== 0) return undefined;
  const lines = saved.stdout.split("\n");
  const rules = lines.filter((line) => line.startsWith("-A ") && !line.includes(chainName)).length;
  const kubelet = /^:KUBE-(?:IPTABLES-HINT|KUBELET-CANARY) /m.test(saved.stdout);
  return { variant, program, rules, kubelet };
}

function busiest(found: readonly Usage[]): Usage | undefined {
  return found.reduce<Usage | undefined>(
    (best, usage) => !best || usage.rules > best.rules ? usage : best,
    undefined,
  );
}

async function whyNone(run: RunProgram): Promise<Error> {
  for (const program of ["iptables-nft-save", "iptables-legacy-save", "iptables-save"]) {
    const result = await run(program, []);
    if (result.code !== 0 && result.code !== 127) return redirectFault(program, result);
  }
  const nft = await run("nft", ["list", "tables"]);
  return nft.code === 0 || nft.code === 127
    ? redirectFault("iptables", { code: 127, stdout: "", stderr: "" })
    : redirectFault("nft", nft);
}

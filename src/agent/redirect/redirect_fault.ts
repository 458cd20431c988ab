/** Why the redirect can't be put in place, in one line with its remedy. Every fault is retried. */
import { oneLine } from "../../telemetry/fault.ts";
import type { ProgramResult, RunProgram } from "../ports.ts";

type RedirectFaultCode = "no_program" | "no_permission" | "no_module" | "locked" | "failed";

export class RedirectFault extends Error {
  override readonly name = "RedirectFault";
  readonly code: RedirectFaultCode;

  constructor(code: RedirectFaultCode, message: string) {
    super(message);
    this.code = code;
  }
}

const permission = /permission denied|operation not permitted|must be root|CAP_NET_ADMIN/i;
const missing =
  /table does not exist|unable to initialize table|insmod|not supported|incompatible/i;
const locked = /xtables lock/i;

/** The fault behind a program's failure. */
export function redirectFault(command: string, result: ProgramResult): RedirectFault {
  const output = oneLine(result.stderr, 200);
  if (result.code === 127) {
    return new RedirectFault(
      "no_program",
      `${command}: no such program; install iptables or nftables beside the agent, or set --redirect=none`,
    );
  }
  if (permission.test(output)) {
    return new RedirectFault(
      "no_permission",
      `${command}: not permitted; the agent needs the capability NET_ADMIN, ` +
        `with iptables-legacy NET_RAW too (${output})`,
    );
  }
  if (locked.test(output)) {
    return new RedirectFault(
      "locked",
      `${command}: another program holds /run/xtables.lock; on the node, ` +
        "`fuser /run/xtables.lock` names it",
    );
  }
  if (missing.test(output)) {
    return new RedirectFault(
      "no_module",
      `${command}: the kernel lacks what it needs; on the node, \`modprobe ${
        modulesOf(command)
      }\`, ` +
        `or choose another --redirect (${output})`,
    );
  }
  return new RedirectFault("failed", `${command}: exit ${result.code}: ${output}`);
}

/** The modules to load; modprobe also loads those that they depend on. */
function modulesOf(command: string): string {
  if (command.includes("legacy")) return "iptable_nat iptable_filter";
  return command === "nft" ? "nft_chain_nat nft_nat" : "nft_compat nft_chain_nat";
}

/** Runs a program that has to succeed, and returns its output. @throws {RedirectFault} */
export async function runOrFault(
  run: RunProgram,
  command: string,
  args: readonly string[],
  stdin?: string,
): Promise<string> {
  const options = { timeoutMs: 20_000, ...(stdin === undefined ? {} : { stdin }) };
  const result = await run(command, args, options);
  if (result.code !== 0) throw redirectFault(command, result);
  return result.stdout;
}

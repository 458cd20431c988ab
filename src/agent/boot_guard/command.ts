/** The `boot-guard` command, run by an init container of the agent: keeps the host's unit current. */
import { codeOf } from "../../telemetry/fault.ts";
import { refuse } from "../../cli/command.ts";
import { parseFlagsOnly } from "../../cli/parse_flags.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import { bootGuardFlags } from "../flags.ts";
import type { Log } from "../ports.ts";
import { unitFiles } from "./unit.ts";

/**
 * 0 also if the unit can't be written: the agent has to start all the same, and it reports the
 * problem. 2 for wrong flags.
 */
export async function runBootGuard(runtime: Runtime, args: readonly string[]): Promise<number> {
  const parsed = parseFlagsOnly("boot-guard", bootGuardFlags, args, runtime.env);
  if (parsed.kind === "problems") return refuse(runtime, parsed.problems);
  const { "unit-dir": folder, "boot-guard-file": resultFile } = parsed.values;
  const problem = await writeUnit(runtime, folder);
  runtime.writeOut(`${problem ?? `boot guard: unit in place in ${folder}`}\n`);
  if (resultFile !== "") await runtime.writeFile(resultFile, problem ?? "ok", 0o644);
  return 0;
}

async function writeUnit(runtime: Runtime, folder: string): Promise<string | undefined> {
  try {
    for (const { path, text } of unitFiles()) {
      const target = `${folder}/${path}`;
      const current = await runtime.readTextFile(target).catch(() => "");
      if (current !== text) await runtime.writeFile(target, text, 0o644);
    }
    return undefined;
  } catch (fault) {
    const code = codeOf(fault) ?? "unknown error";
    return `boot guard: ${folder} can't be written (${code}); until the agent runs, pods of a ` +
      "restarting node reach the metadata service: see docs/boot-guard.md";
  }
}

/** Why the unit isn't in place; null if it is. */
export interface BootGuard {
  readonly problem: string | null;
}

/** What the init container reported in `path`, also logged; null where there is none. */
export async function readBootGuard(
  files: Pick<Runtime, "readTextFile">,
  path: string | null,
  log: Log,
): Promise<BootGuard | null> {
  if (path === null) return null;
  const report = await files.readTextFile(path).catch(() => "boot guard: its report is missing");
  const problem = report.trim() === "ok" ? null : report.trim();
  if (problem === null) log.info({}, "this node is closed from boot");
  else log.warn({ problem }, "this node is open from boot until the agent runs");
  return { problem };
}

/** Removes the unit; resolves to whether it was there. */
export async function removeUnit(runtime: Runtime, folder: string): Promise<boolean> {
  let removed = false;
  for (const { path } of unitFiles()) {
    if (await runtime.removeFile(`${folder}/${path}`)) removed = true;
  }
  return removed;
}

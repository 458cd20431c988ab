/** The `status` command: one screen about the installation, with an exit code for scripts. */
import { refuse } from "../cli/command.ts";
import type { FlagValues } from "../cli/flags.ts";
import { parseFlags } from "../cli/parse_flags.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { statusTarget } from "../status_client/flags.ts";
import { structuredText } from "../status_client/output.ts";
import { type StatusClient, withStatusClient } from "../status_client/status_client.ts";
import { StatusFault } from "../status_client/status_fault.ts";
import { pause } from "../time/pause.ts";
import { systemClock } from "../time/system_clock.ts";
import { assess, summarySchema } from "./assess.ts";
import { statusFlags } from "./flags.ts";
import { statusText } from "./text.ts";

type Values = FlagValues<typeof statusFlags>;

const watchMs = 2_000;
const clearScreen = "\x1b[H\x1b[2J";

export async function runStatus(runtime: Runtime, args: readonly string[]): Promise<number> {
  const parsed = parseFlags(statusFlags, args, runtime.env);
  const strays = parsed.positionals.map((text) => `${text}: unexpected; status takes flags only`);
  const problems = [...(parsed.kind === "problems" ? parsed.problems : []), ...strays];
  if (problems.length > 0) return refuse(runtime, problems);
  const { values } = parsed;
  const target = statusTarget(values);
  try {
    return await withStatusClient(runtime, target, (client) => {
      return values.watch ? watched(runtime, client, values) : printed(runtime, client, values);
    });
  } catch (fault) {
    if (!(fault instanceof StatusFault)) throw fault;
    runtime.writeError(`status: ${fault.message}\n`);
    return 1;
  }
}

async function watched(runtime: Runtime, client: StatusClient, values: Values): Promise<number> {
  const stop = new AbortController();
  runtime.onStop(() => stop.abort());
  let code = 0;
  while (!stop.signal.aborted) {
    if (runtime.isTerminal) runtime.writeOut(clearScreen);
    code = await printed(runtime, client, values);
    await pause(systemClock, watchMs, stop.signal);
  }
  return code;
}

async function printed(
  runtime: Runtime,
  client: StatusClient,
  { output }: Values,
): Promise<number> {
  const summary = await client.json("/api/summary", summarySchema);
  if (summary === null) throw new StatusFault("refused", `${client.label}: no summary`);
  const status = assess(summary);
  runtime.writeOut(
    output === "text"
      ? statusText(status, `the server at ${client.label}`)
      : await structuredText(output, status),
  );
  return status.healthy ? 0 : 1;
}

/** The `status` command: one screen about the installation, with an exit code for scripts. */
import { refuse } from "../cli/command.ts";
import type { FlagValues } from "../cli/flags.ts";
import { parseFlagsOnly } from "../cli/parse_flags.ts";
import { counted, listed } from "../cli/quantities.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { statusTarget } from "../status_client/flags.ts";
import { structuredText } from "../status_client/output.ts";
import { type StatusClient, withStatusClient } from "../status_client/status_client.ts";
import { StatusFault } from "../status_client/status_fault.ts";
import { pause } from "../time/pause.ts";
import { systemClock } from "../time/system_clock.ts";
import { assess, type Status, summarySchema } from "./assess.ts";
import { statusFlags } from "./flags.ts";

type Values = FlagValues<typeof statusFlags>;

const watchMs = 2_000;
const clearScreen = "\x1b[H\x1b[2J";

export async function runStatus(runtime: Runtime, args: readonly string[]): Promise<number> {
  const parsed = parseFlagsOnly("status", statusFlags, args, runtime.env);
  if (parsed.kind === "problems") return refuse(runtime, parsed.problems);
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
  const summary = await client.summary(summarySchema);
  const status = assess(summary);
  runtime.writeOut(
    output === "text"
      ? statusText(status, `the server at ${client.label}`)
      : structuredText(output, status),
  );
  return status.healthy ? 0 : 1;
}

const maxProblems = 10;
const maxPods = 3;
const maxNamespaces = 10;

function statusText(status: Status, source: string): string {
  const { servers, agents, redirect, bootGuard, identity, pods, denied, problems } = status;
  const versions = (all: readonly string[]) =>
    all.length === 0 ? "" : `, version ${all.join(", ")}`;
  const rows = [
    ["Servers", `${servers.ready} of ${servers.total} ready${versions(servers.versions)}`],
    ["Agents", `${agents.ready} of ${agents.total} ready${versions(agents.versions)}`],
    ["Redirect", countsText(redirect)],
    ["Boot guard", countsText(bootGuard)],
    ["Identity", countsText(identity)],
    ["Pods", countsText(pods)],
    ["Certificates", `valid until ${status.certificates.expiresAt ?? "an unknown time"}`],
    ["IMDSv2", tokenUseText(status.withoutToken)],
  ] as const;
  const width = Math.max(...rows.map(([name]) => name.length));
  const lines = [
    status.healthy ? "Healthy." : "Not healthy.",
    "",
    ...rows.map(([name, text]) => `${name.padEnd(width)}  ${text}`),
    ...(problems.length === 0 ? [] : ["", "Look at:"]),
    ...problems.slice(0, maxProblems).map((problem) => `  ${problem}`),
    ...(problems.length > maxProblems ? [`  and ${problems.length - maxProblems} more`] : []),
    ...(denied.length === 0 ? [] : ["", "Denied:"]),
    ...denied.map(({ reason, message, pods }) => {
      return `  ${reason}: ${message}\n    ${listed(pods, maxPods)}`;
    }),
    "",
    `Source: ${source}`,
  ];
  return lines.map((line) => `${line}\n`).join("");
}

function countsText(counts: Readonly<Record<string, number>>): string {
  const texts = Object.entries(counts).map(([name, count]) => `${count} ${name}`);
  return texts.length === 0 ? "none" : texts.join(", ");
}

/** Conclusions hold only for the time in which agents have recorded such requests. */
function tokenUseText({ safe, unsafe, since }: Status["withoutToken"]): string {
  const not = unsafe.map(({ namespace, pods }) => `${namespace} (${counted(pods.length, "pod")})`);
  if (since === null) {
    const known = not.length === 0 ? "" : `; not safe: ${listed(not, maxNamespaces)}`;
    return `not every agent says whether pods make requests without a token${known}`;
  }
  const found = [
    ...(safe.length === 0 ? [] : [`safe to require: ${listed(safe, maxNamespaces)}`]),
    ...(not.length === 0
      ? []
      : [`${safe.length === 0 ? "not safe" : "not"}: ${listed(not, maxNamespaces)}`]),
  ];
  return `${found.join("; ") || "no pods"} (seen since ${since})`;
}

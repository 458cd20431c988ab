/** The `version` command: this program's version, and those of servers and agents if a server answers. */
import { refuse } from "../cli/command.ts";
import { parseFlagsOnly } from "../cli/parse_flags.ts";
import { counted } from "../cli/quantities.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { statusTarget } from "../status_client/flags.ts";
import { structuredText } from "../status_client/output.ts";
import { type StatusClient, withStatusClient } from "../status_client/status_client.ts";
import { StatusFault } from "../status_client/status_fault.ts";
import { version, versionLine } from "../version.ts";
import { type Summary, summarySchema } from "./assess.ts";
import { versionFlags } from "./flags.ts";

/** A version and who runs it; null: it isn't known. */
interface Running {
  readonly version: string | null;
  readonly servers: readonly string[];
  /** By node. */
  readonly agents: readonly string[];
}

/** 0; 1 if the server that was named doesn't answer; 3 if versions differ. */
export async function runVersion(runtime: Runtime, args: readonly string[]): Promise<number> {
  const parsed = parseFlagsOnly("version", versionFlags, args, runtime.env);
  if (parsed.kind === "problems") return refuse(runtime, parsed.problems);
  const { values } = parsed;
  const { output, client } = values;
  if (output === "text") runtime.writeOut(versionLine(runtime.platform));
  const print = (running: readonly Running[]) =>
    runtime.writeOut(
      output === "text"
        ? runningText(running)
        : structuredText(output, { client: version, running, skewed: skewed(running) }),
    );
  try {
    const running = client
      ? []
      : await withStatusClient(runtime, statusTarget(values), runningVersions);
    print(running);
    return skewed(running) ? 3 : 0;
  } catch (fault) {
    if (!(fault instanceof StatusFault)) throw fault;
    print([]);
    runtime.writeError(`version: ${fault.message}\n`);
    return values["server-status"] === "" && values.context === "" ? 0 : 1;
  }
}

async function runningVersions(client: StatusClient): Promise<Running[]> {
  return byVersion(await client.summary(summarySchema));
}

/** Those that run the most come first. */
function byVersion({ replicas, agents }: Summary): Running[] {
  const versions = new Map<string | null, { servers: string[]; agents: string[] }>();
  const at = (version: string | null) => {
    const found = versions.get(version) ?? { servers: [], agents: [] };
    versions.set(version, found);
    return found;
  };
  for (const { replica, version } of replicas) at(version).servers.push(replica);
  for (const { node, report } of agents) at(report?.version ?? null).agents.push(node);
  return [...versions].map(([version, who]) => ({ version, ...who }))
    .sort((a, b) => b.servers.length + b.agents.length - a.servers.length - a.agents.length);
}

function skewed(running: readonly Running[]): boolean {
  return running.filter(({ version }) => version !== null).length > 1;
}

const maxNames = 5;

function runningText(running: readonly Running[]): string {
  const lines = running.map(({ version, servers, agents }) =>
    `${version ?? "unknown"}: ${who(servers, "server")}, ${who(agents, "agent")}`
  );
  const skew = "Versions differ: servers and agents may do so by one, during an upgrade.";
  return [...lines, ...(skewed(running) ? [skew] : [])].map((line) => `${line}\n`).join("");
}

function who(names: readonly string[], noun: string): string {
  const count = counted(names.length, noun);
  if (names.length === 0 || names.length > maxNames) return count;
  return `${count} (${names.join(", ")})`;
}

/** The `migrate` command: reads a cluster or files, compares, prints, and gives the exit code. */
import { ApiFault } from "../kubernetes/client/api_fault.ts";
import { manifestFacts } from "../kubernetes/manifests/facts.ts";
import { readManifests } from "../kubernetes/manifests/read_manifests.ts";
import { readClusterFacts } from "../kubernetes/operations/cluster_facts.ts";
import { ConnectionFault } from "../kubernetes/client/connection.ts";
import { kubeconfigApi } from "../kubernetes/client/kubeconfig.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { systemClock } from "../time/system_clock.ts";
import { refuse } from "../cli/command.ts";
import { version } from "../version.ts";
import { type Compared, likelyPredecessors, migrationReport, reportText } from "./report.ts";
import { type MigrateOptions, parseMigrateOptions } from "./options.ts";

/** Beside 0, and 2 for wrong settings and files. */
const exitCodes = { fault: 1, differences: 3, notCompared: 5 } as const;

/**
 * 0 no answer differs; 3 some do; 5 none does, and something couldn't be compared; 1 the cluster can't
 * be read; 2 wrong settings or files.
 */
export async function runMigrate(runtime: Runtime, args: readonly string[]): Promise<number> {
  const parsed = parseMigrateOptions(args, runtime.env);
  if (parsed.kind === "problems") return refuse(runtime, parsed.problems);
  const { options } = parsed;
  try {
    const found = await read(runtime, options.source);
    if ("problems" in found) return refuse(runtime, found.problems);
    return print(runtime, options, found);
  } catch (fault) {
    if (fault instanceof ConnectionFault && fault.code !== "access_unavailable") {
      return refuse(runtime, [`${fault.message} (or give manifest files)`]);
    }
    if (!(fault instanceof ApiFault || fault instanceof ConnectionFault)) throw fault;
    runtime.writeError(`migrate check: ${fault.message}\n`);
    return exitCodes.fault;
  }
}

type Reading = Compared | { readonly problems: readonly string[] };

async function read(runtime: Runtime, source: MigrateOptions["source"]): Promise<Reading> {
  if (source.kind === "files") {
    const { objects, problems } = await readManifests(source.paths, runtime);
    return problems.length > 0 ? { problems } : manifestFacts(objects);
  }
  const options = { runtime, clock: systemClock, userAgent: `rolecall/${version}` };
  const api = await kubeconfigApi(source.kubeconfig, options);
  try {
    return { cluster: await readClusterFacts(api, systemClock) };
  } finally {
    api.close();
  }
}

function print(runtime: Runtime, options: MigrateOptions, found: Compared): number {
  const from = options.from.length > 0 ? options.from : likelyPredecessors(found.cluster);
  const report = migrationReport(found, from, options.settings);
  runtime.writeOut(options.json ? JSON.stringify(report, null, 2) + "\n" : reportText(report));
  if (report.differences.length > 0) return exitCodes.differences;
  return report.notCompared.length > 0 ? exitCodes.notCompared : 0;
}

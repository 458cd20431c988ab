/** The `migrate` command: reads a cluster or files, compares, prints, and gives the exit code. */
import { ApiFault } from "../kubernetes/api_fault.ts";
import { type ClusterFacts, readClusterFacts } from "../kubernetes/cluster_facts.ts";
import { ConnectionFault } from "../kubernetes/connection.ts";
import { kubeconfigApi } from "../kubernetes/kubeconfig_api.ts";
import type { Host } from "../runtime/contract.ts";
import { systemClock } from "../runtime/system_clock.ts";
import { type Command, refuse } from "../settings/command.ts";
import { version } from "../version.ts";
import { migrateFlags } from "./flags.ts";
import { manifestFacts } from "./manifest_facts.ts";
import { likelyPredecessors, migrationReport, reportText } from "./report.ts";
import { type MigrateWish, parseMigrateWish } from "./wish.ts";

/** Beside 0, and 2 for wrong settings and files. */
const exitCodes = { fault: 1, differences: 3 } as const;

export const migrateCommand: Command = {
  usage: "check [FILE…] [flags]",
  summary: "names the pods that would get another answer than under kiam or kube2iam, and why",
  flags: migrateFlags,
  words: ["check"],
  examples: [
    "migrate check --role-base-arn=arn:aws:iam::111122223333:role/",
    "migrate check --from=kiam-v4 --kubeconfig=FILE --output=json",
    "migrate check namespaces.yaml deployments.yaml",
  ],
  run: runMigrate,
};

/** 0 no answer differs; 3 some do; 1 the cluster can't be read; 2 wrong settings or files. */
export async function runMigrate(host: Host, args: readonly string[]): Promise<number> {
  const parsed = parseMigrateWish(args, host.env);
  if (parsed.kind === "problems") return refuse(host, parsed.problems);
  const { wish } = parsed;
  try {
    const cluster = await read(host, wish.source);
    if ("problems" in cluster) return refuse(host, cluster.problems);
    return print(host, wish, cluster);
  } catch (fault) {
    if (fault instanceof ConnectionFault && fault.code === "settings_broken") {
      return refuse(host, [`--kubeconfig: ${fault.message} (or give manifest files)`]);
    }
    if (!(fault instanceof ApiFault || fault instanceof ConnectionFault)) throw fault;
    host.writeError(`migrate check: ${fault.message}\n`);
    return exitCodes.fault;
  }
}

type Reading = ClusterFacts | { readonly problems: readonly string[] };

async function read(host: Host, source: MigrateWish["source"]): Promise<Reading> {
  if (source.kind === "files") return await readFiles(host, source.paths);
  const { readTextFile, env } = host;
  const api = await kubeconfigApi(source.kubeconfig, {
    readTextFile,
    env,
    clock: systemClock,
    httpClient: (tls) => host.httpClient(tls),
    userAgent: `rolecall/${version}`,
  });
  try {
    return await readClusterFacts(api, systemClock);
  } finally {
    api.close();
  }
}

async function readFiles(host: Host, paths: readonly string[]): Promise<Reading> {
  const problems: string[] = [];
  const texts: [string, string][] = [];
  for (const path of paths) {
    try {
      texts.push([path, await host.readTextFile(path)]);
    } catch (fault) {
      problems.push(`${path}: can't be read: ${fault instanceof Error ? fault.message : fault}`);
    }
  }
  const facts = manifestFacts(texts);
  if (facts.kind === "problems") return { problems: [...problems, ...facts.problems] };
  return problems.length > 0 ? { problems } : facts.cluster;
}

function print(host: Host, wish: MigrateWish, cluster: ClusterFacts): number {
  const from = wish.from.length > 0 ? wish.from : likelyPredecessors(cluster);
  const report = migrationReport(cluster, from, wish.before, wish.ours);
  host.writeOut(wish.json ? JSON.stringify(report, null, 2) + "\n" : reportText(report));
  return report.differences.length === 0 ? 0 : exitCodes.differences;
}

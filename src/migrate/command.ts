/** The `migrate` command: reads a cluster or files, compares or plans, prints, gives the exit code. */
import { refuse } from "../cli/command.ts";
import { ApiFault } from "../kubernetes/client/api_fault.ts";
import { ConnectionFault } from "../kubernetes/client/connection.ts";
import { withKubeconfigApi } from "../kubernetes/client/kubeconfig.ts";
import { manifestFacts } from "../kubernetes/manifests/facts.ts";
import { readManifests } from "../kubernetes/manifests/read_manifests.ts";
import { readClusterFacts } from "../kubernetes/operations/cluster_facts.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { systemClock } from "../time/system_clock.ts";
import { userAgent } from "../version.ts";
import { clusterIssuer, readPodOwners } from "./generate/cluster_reads.ts";
import { planFormats } from "./generate/formats.ts";
import { migrationPlan, type PlanOptions } from "./generate/plan.ts";
import {
  type CheckTask,
  type GenerateTask,
  type MigrateSource,
  parseMigrateOptions,
} from "./options.ts";
import { type Compared, likelyPredecessors, migrationReport, reportText } from "./report.ts";

/** In addition to 0, and to 2 for wrong settings and files. */
const exitCodes = { fault: 1, differences: 3, notCompared: 5 } as const;

/**
 * 0 no answer differs, or everything is migrated; 3 some aren't; 5 the others are, and something
 * couldn't be evaluated; 1 the cluster can't be read; 2 wrong settings or files.
 */
export async function runMigrate(runtime: Runtime, args: readonly string[]): Promise<number> {
  const parsed = parseMigrateOptions(args, runtime.env);
  if (parsed.kind === "problems") return refuse(runtime, parsed.problems);
  const { source, task } = parsed.options;
  try {
    const found = source.paths.length > 0
      ? await readFiles(runtime, source)
      : await readCluster(runtime, source, task);
    if ("problems" in found) return refuse(runtime, found.problems);
    return task.kind === "check" ? check(runtime, task, found) : generate(runtime, task, found);
  } catch (fault) {
    if (fault instanceof ConnectionFault && fault.code !== "access_unavailable") {
      return refuse(runtime, [`${fault.message} (or give manifest files)`]);
    }
    if (!(fault instanceof ApiFault || fault instanceof ConnectionFault)) throw fault;
    runtime.writeError(`migrate ${task.kind}: ${fault.message}\n`);
    return exitCodes.fault;
  }
}

/** `owners` and `issuer`: of a cluster, for `generate`. */
type Found = Compared & Pick<PlanOptions, "owners"> & { readonly issuer?: string };
type Problems = { readonly problems: readonly string[] };

async function readFiles(
  runtime: Runtime,
  { paths, namespace }: MigrateSource,
): Promise<Found | Problems> {
  const { objects, problems } = await readManifests(paths, runtime, namespace ?? undefined);
  if (problems.length > 0) return { problems };
  return ofNamespace(manifestFacts(objects), namespace);
}

async function readCluster(
  runtime: Runtime,
  { kubeconfig, context, namespace }: MigrateSource,
  task: CheckTask | GenerateTask,
): Promise<Found | Problems> {
  const options = { runtime, clock: systemClock, userAgent, context };
  return await withKubeconfigApi(kubeconfig!, options, async (api) => {
    const cluster = await readClusterFacts(api, systemClock);
    if (task.kind === "check") return ofNamespace({ cluster }, namespace);
    const owners = await readPodOwners(api, systemClock);
    const needsIssuer = task.target.kind === "irsa" && task.target.issuer === "";
    const issuer = needsIssuer ? await clusterIssuer(api) : undefined;
    if (issuer === null) return { problems: [issuerUnknown] };
    const found = issuer === undefined ? {} : { issuer };
    return ofNamespace({ cluster, owners, ...found }, namespace);
  });
}

const issuerUnknown = "--oidc-issuer: the cluster doesn't let it be read from " +
  "/.well-known/openid-configuration; give the flag";

function ofNamespace<T extends Compared>(found: T, namespace: string | null): T {
  if (namespace === null) return found;
  const pods = found.cluster.pods.filter((pod) => pod.namespace === namespace);
  return { ...found, cluster: { ...found.cluster, pods } };
}

function check(runtime: Runtime, task: CheckTask, found: Compared): number {
  const from = task.from.length > 0 ? task.from : likelyPredecessors(found.cluster);
  const report = migrationReport(found, from, task.settings);
  runtime.writeOut(task.json ? JSON.stringify(report, null, 2) + "\n" : reportText(report));
  if (report.differences.length > 0) return exitCodes.differences;
  return report.notCompared.length > 0 ? exitCodes.notCompared : 0;
}

function generate(runtime: Runtime, task: GenerateTask, found: Found): number {
  const { policy, format, target } = task;
  const issuer = found.issuer;
  const plan = migrationPlan({
    ...found,
    policy,
    target: target.kind === "irsa" && issuer !== undefined ? { ...target, issuer } : target,
  });
  runtime.writeOut(planFormats[format](plan));
  const kinds = new Set(plan.notMigrated.map(({ kind }) => kind));
  if (kinds.has("denied") || kinds.has("unsupported")) return exitCodes.differences;
  return kinds.has("unknown") ? exitCodes.notCompared : 0;
}

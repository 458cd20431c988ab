/** The `check` command: reads manifests, evaluates their pods, prints, and returns the exit code. */
import { messageOf } from "../telemetry/fault.ts";
import { refuse } from "../cli/command.ts";
import { ApiFault } from "../kubernetes/client/api_fault.ts";
import { ConnectionFault } from "../kubernetes/client/connection.ts";
import { withKubeconfigApi } from "../kubernetes/client/kubeconfig.ts";
import { type ManifestFacts, manifestFacts } from "../kubernetes/manifests/facts.ts";
import { readManifests } from "../kubernetes/manifests/read_manifests.ts";
import { readPolicyFacts } from "../kubernetes/operations/cluster_facts.ts";
import { createPolicy } from "../policy/decide.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { systemClock } from "../time/system_clock.ts";
import { userAgent, version } from "../version.ts";
import { checkManifests, type CheckResult } from "./findings.ts";
import { type CheckOptions, parseCheckOptions } from "./options.ts";
import { failureSarif, reportJson, reportSarif, reportText } from "./report.ts";
import { readTrust, type TrustedRole, trustProblem } from "./trust.ts";

/** In addition to 0, and to 2 for wrong settings and files. */
const exitCodes = { fault: 1, denied: 3, unknown: 5 } as const;

export async function runCheck(runtime: Runtime, args: readonly string[]): Promise<number> {
  const parsed = parseCheckOptions(args, runtime.env);
  const failed = (problems: readonly string[]) => {
    if (parsed.output === "sarif") runtime.writeOut(failureSarif(problems, version));
    return refuse(runtime, problems);
  };
  if (parsed.kind === "problems") return failed(parsed.problems);
  const { options } = parsed;
  const manifests = await readManifests(options.paths, runtime, options.namespace ?? undefined);
  const trust = await readTrustFiles(runtime, options.trust);
  const problems = [...manifests.problems, ...trust.problems];
  if (problems.length > 0) return failed(problems);
  try {
    const facts = await withCluster(runtime, options, manifestFacts(manifests.objects));
    return print(runtime, options, evaluated(options, facts, trust.roles));
  } catch (fault) {
    if (fault instanceof ConnectionFault && fault.code !== "access_unavailable") {
      return failed([fault.message]);
    }
    if (!(fault instanceof ApiFault || fault instanceof ConnectionFault)) throw fault;
    failed([`check: ${fault.message}`]);
    return exitCodes.fault;
  }
}

async function readTrustFiles(runtime: Runtime, paths: readonly string[]) {
  const problems: string[] = [];
  const roles: TrustedRole[] = [];
  for (const path of paths) {
    try {
      const read = readTrust(path, await runtime.readTextFile(path));
      if (read.kind === "problem") problems.push(`--trust ${read.problem}`);
      else roles.push(...read.roles);
    } catch (fault) {
      const why = messageOf(fault);
      problems.push(`--trust ${path}: can't be read: ${why}; name a JSON file`);
    }
  }
  return { roles, problems };
}

/** The manifests win: they are what the cluster will have. */
async function withCluster(
  runtime: Runtime,
  { kubeconfig, context }: CheckOptions,
  facts: ManifestFacts,
): Promise<ManifestFacts> {
  if (kubeconfig === null) return facts;
  const options = { runtime, clock: systemClock, userAgent, context };
  const found = await withKubeconfigApi(kubeconfig, options, (api) => {
    return readPolicyFacts(api, systemClock);
  });
  const ours = [...facts.cluster.namespaces].filter(([name]) => facts.written.has(name));
  const namespaces = new Map([...found.namespaces, ...ours]);
  const serviceAccounts = new Map([...found.serviceAccounts, ...facts.cluster.serviceAccounts]);
  const cluster = { ...facts.cluster, namespaces, serviceAccounts };
  return { ...facts, cluster, written: new Set(namespaces.keys()) };
}

function evaluated(
  { policy, serverRole, trust }: CheckOptions,
  facts: ManifestFacts,
  roles: readonly TrustedRole[],
): CheckResult {
  return checkManifests({
    facts,
    policy: createPolicy(policy),
    baseKnown: policy.roleBaseArn !== null,
    roles: roles.map(({ name }) => name),
    trustProblem: (identity) =>
      trust.length === 0 ? null : trustProblem(roles, serverRole, identity),
  });
}

function print(runtime: Runtime, { output }: CheckOptions, result: CheckResult): number {
  const text = {
    text: reportText,
    json: reportJson,
    sarif: (all: CheckResult) => reportSarif(all, version),
  };
  runtime.writeOut(text[output](result));
  const levels = new Set(result.findings.map(({ level }) => level));
  return levels.has("denied") ? exitCodes.denied : levels.has("unknown") ? exitCodes.unknown : 0;
}

/** Parses the flags and arguments of `check`, or lists every problem with them. Pure. */
import type { FlagValues } from "../cli/flags.ts";
import { type Env, type ParsedOptions, parseFlags } from "../cli/parse_flags.ts";
import {
  kubeconfigFile,
  type KubeconfigFiles,
  usualKubeconfig,
} from "../kubernetes/client/kubeconfig_files.ts";
import type { PolicySettings } from "../policy/facts.ts";
import { parseRoleArn } from "../policy/role_arn.ts";
import { policyProblems, policySettingsOf } from "../policy_flags/policy_flags.ts";
import { checkFlags } from "./flags.ts";

export interface CheckOptions {
  readonly paths: readonly string[];
  /** Null: no cluster is read. */
  readonly kubeconfig: KubeconfigFiles | null;
  readonly context: string | null;
  /** `--namespace`. */
  readonly namespace: string | null;
  readonly trust: readonly string[];
  readonly serverRole: string;
  readonly output: "text" | "json" | "sarif";
  readonly policy: PolicySettings;
}

type Values = FlagValues<typeof checkFlags>;

/** `output` is known even if the rest has problems. */
export function parseCheckOptions(
  args: readonly string[],
  env: Env,
): ParsedOptions<CheckOptions> & Pick<CheckOptions, "output"> {
  const parsed = parseFlags(checkFlags, args, env);
  const { values, positionals: paths } = parsed;
  const { kubeconfig, trust, output, "server-role": serverRole } = values;
  const context = values.context || null;
  const usual = context === null ? null : usualKubeconfig(env);
  const cluster = kubeconfig === "" ? usual : kubeconfigFile(kubeconfig);
  const problems = [
    ...(context !== null && cluster === null
      ? ["--context: no kubeconfig; give --kubeconfig"]
      : []),
    ...(parsed.kind === "problems" ? parsed.problems : []),
    ...(paths.length === 0 ? ["check: no manifests; expected FILE…, FOLDER… or -"] : []),
    ...flagProblems(values),
  ];
  if (problems.length > 0) return { kind: "problems", problems, output };
  const namespace = values.namespace || null;
  const reservedRoleArns = serverRole === "" ? [] : [serverRole];
  const policy = { ...policySettingsOf(values), reservedRoleArns };
  return {
    kind: "options",
    output,
    options: {
      ...{ paths, kubeconfig: cluster, context, namespace },
      ...{ trust, serverRole, output, policy },
    },
  };
}

function flagProblems(values: Values): string[] {
  const problems = policyProblems(values);
  const given = values["server-role"];
  const role = given === "" ? null : parseRoleArn(given);
  if (role?.kind === "malformed") {
    problems.push(
      `--server-role: ${JSON.stringify(given)} is not a role's ARN: ${role.expected}`,
    );
  }
  if (values.trust.length > 0 && role === null && values["assume-with"] === "server") {
    problems.push("--server-role: is missing; expected the ARN of the server's role with --trust");
  }
  return problems;
}

/** Parses the flags and arguments of `migrate`, or lists every problem with them. Pure. */
import {
  kubeconfigFile,
  type KubeconfigFiles,
  usualKubeconfig,
} from "../kubernetes/client/kubeconfig_files.ts";
import { policyProblems, policySettingsOf } from "../policy_flags/policy_flags.ts";
import type { PolicySettings } from "../policy/facts.ts";
import type { FlagValues } from "../cli/flags.ts";
import { type Env, type ParsedOptions, parseFlags } from "../cli/parse_flags.ts";
import { migrateFlags } from "./flags.ts";
import type { MigrationSettings } from "./difference.ts";
import type { planFormats } from "./generate/formats.ts";
import type { Target } from "./generate/trust.ts";
import type { Predecessor, PredecessorSettings } from "./predecessor.ts";

interface MigrateOptions {
  readonly source: MigrateSource;
  readonly task: CheckTask | GenerateTask;
}

export interface MigrateSource {
  /** Manifests; none: a cluster is read. */
  readonly paths: readonly string[];
  /** Of the cluster; null without one. */
  readonly kubeconfig: KubeconfigFiles | null;
  readonly context: string | null;
  /** `--namespace`. */
  readonly namespace: string | null;
}

export interface CheckTask {
  readonly kind: "check";
  /** Empty: concluded from the annotations. */
  readonly from: readonly Predecessor[];
  readonly json: boolean;
  readonly settings: MigrationSettings;
}

export interface GenerateTask {
  readonly kind: "generate";
  readonly policy: PolicySettings;
  readonly format: keyof typeof planFormats;
  /** With an empty issuer, the cluster's is read. */
  readonly target: Target;
}

type Values = FlagValues<typeof migrateFlags>;

export function parseMigrateOptions(
  args: readonly string[],
  env: Env,
): ParsedOptions<MigrateOptions> {
  const parsed = parseFlags(migrateFlags, args, env);
  if (parsed.kind === "problems") {
    return { kind: "problems", problems: [...parsed.problems, ...policyProblems(parsed.values)] };
  }
  const { values, positionals: [word, ...paths] } = parsed;
  const kubeconfig = values.kubeconfig ? kubeconfigFile(values.kubeconfig) : usualKubeconfig(env);
  const { task, problems: taskProblems } = taskOf(word, values, paths.length > 0);
  const both = paths.length > 0 && (values.kubeconfig !== "" || values.context !== "");
  const problems = [
    ...taskProblems,
    ...(paths.length === 0 && kubeconfig === null
      ? ["migrate: no files and no kubeconfig; expected FILE… or --kubeconfig"]
      : []),
    ...(both ? ["--kubeconfig, --context: expected a cluster or files, not both"] : []),
    ...policyProblems(values),
  ];
  if (problems.length > 0 || task === null) return { kind: "problems", problems };
  const context = values.context || null;
  const source = { paths, kubeconfig, context, namespace: values.namespace || null };
  return { kind: "options", options: { source, task } };
}

interface FoundTask {
  readonly task: MigrateOptions["task"] | null;
  readonly problems: readonly string[];
}

function taskOf(word: string | undefined, values: Values, fromFiles: boolean): FoundTask {
  if (word === "check") return checkTask(values);
  if (word === "generate") return generateTask(values, fromFiles);
  const expected = "expected migrate check [FILE…] or migrate generate --to=… [FILE…]";
  return { task: null, problems: [`${["migrate", word].join(" ").trim()}: ${expected}`] };
}

function checkTask(values: Values): FoundTask {
  const { output } = values;
  const isOurs = output === "text" || output === "json";
  return {
    task: {
      kind: "check",
      from: predecessorsOf(values.from),
      json: output === "json",
      settings: { before: beforeOf(values), ours: policySettingsOf(values) },
    },
    problems: isOurs ? [] : [
      `--output: ${JSON.stringify(output)} is not valid for migrate check; expected text or json`,
    ],
  };
}

function generateTask(values: Values, fromFiles: boolean): FoundTask {
  const { to, output: format, "cluster-name": clusterName, "oidc-issuer": url } = values;
  const policy = policySettingsOf(values);
  const [issuer, audience] = [url.replace(/^https?:\/\//, ""), values["web-identity-audience"]];
  const task = (target: Target, ...problems: string[]): FoundTask => {
    return { task: { kind: "generate", policy, format, target }, problems };
  };
  if (to === "irsa") {
    const missing =
      "--oidc-issuer: is missing; expected the cluster's issuer, which IAM knows as an " +
      "OIDC provider";
    const problems = fromFiles && issuer === "" ? [missing] : [];
    return task({ kind: "irsa", issuer, audience }, ...problems);
  }
  if (to === "pod-identity") {
    const missing = "--cluster-name: is missing; expected the EKS cluster's name";
    return task({ kind: "pod-identity", clusterName }, ...(clusterName === "" ? [missing] : []));
  }
  return { task: null, problems: ["--to: is missing; expected irsa or pod-identity"] };
}

function predecessorsOf(from: Values["from"]): readonly Predecessor[] {
  if (from === "auto") return [];
  return from === "kiam" ? ["kiam-v3", "kiam-v4"] : [from];
}

function beforeOf(values: Values): PredecessorSettings {
  return {
    roleBaseArn: policySettingsOf(values).roleBaseArn,
    session: values.session,
    strict: !values["disable-strict-namespace-regexp"],
    defaultRole: values["default-role"] || null,
    restrictions: values["namespace-restrictions"] ? values["namespace-restriction-format"] : "off",
  };
}

/** Parses the flags and arguments of `explain`, or lists every problem with them. Pure. */
import {
  kubeconfigFile,
  type KubeconfigFiles,
  usualKubeconfig,
} from "../kubernetes/client/kubeconfig_files.ts";
import type { PolicySettings } from "../policy/facts.ts";
import { policyProblems, policySettingsOf } from "../policy_flags/policy_flags.ts";
import { statusTarget } from "../status_client/flags.ts";
import type { StatusTarget } from "../status_client/status_client.ts";
import type { FlagValues } from "../cli/flags.ts";
import { type Env, type ParsedOptions, parseFlags } from "../cli/parse_flags.ts";
import { explainFlags } from "./flags.ts";

/** Null as a namespace: that of the kubeconfig's context for a pod, all of them for `all`. */
type Subject =
  | { readonly kind: "pod"; readonly namespace: string | null; readonly name: string }
  | { readonly kind: "all"; readonly namespace: string | null };

export interface ExplainOptions {
  readonly subject: Subject;
  /** Null: by policy alone. */
  readonly server: StatusTarget | null;
  /** For policy alone, if no server answers either; null if there is none. */
  readonly kubeconfig: KubeconfigFiles | null;
  readonly context: string | null;
  readonly output: "text" | "json" | "yaml";
  /** For policy alone. */
  readonly policy: PolicySettings;
}

type Values = FlagValues<typeof explainFlags>;

export function parseExplainOptions(
  args: readonly string[],
  env: Env,
): ParsedOptions<ExplainOptions> {
  const parsed = parseFlags(explainFlags, args, env);
  const { values, positionals } = parsed;
  const subject = subjectOf(values, positionals);
  const problems = [
    ...(parsed.kind === "problems" ? parsed.problems : subject.problems),
    ...flagProblems(values),
  ];
  if (problems.length > 0 || subject.subject === null) return { kind: "problems", problems };
  return { kind: "options", options: { subject: subject.subject, ...sourcesOf(values, env) } };
}

interface FoundSubject {
  readonly subject: Subject | null;
  readonly problems: readonly string[];
}

const expected = "expected NAMESPACE/POD, pod/NAME, NAME or --all";

/** `pod/NAME` and `NAME` as kubectl has them, `NAMESPACE/NAME`, or `pod NAME`. */
function subjectOf(values: Values, positionals: readonly string[]): FoundSubject {
  const namespace = values.namespace || null;
  const refuse = (...problems: string[]): FoundSubject => ({ subject: null, problems });
  if (values.all || values["all-namespaces"]) {
    const strays = positionals.map((text) => `${text}: unexpected; ${expected}`);
    const all = { kind: "all", namespace: values["all-namespaces"] ? null : namespace } as const;
    return strays.length > 0 ? refuse(...strays) : { subject: all, problems: [] };
  }
  const [first, ...others] = isType(positionals[0]) ? positionals.slice(1) : positionals;
  if (first === undefined) return refuse(`explain: no pod; ${expected}`);
  const strays = others.map((text) => `${text}: unexpected; ${expected}`);
  const [before, name, ...more] = first.includes("/") ? first.split("/") : ["pod", first];
  if (!before || !name || more.length > 0) {
    return refuse(`${first}: is no pod's name; ${expected}`, ...strays);
  }
  if (strays.length > 0) return refuse(...strays);
  if (isType(before)) return { subject: { kind: "pod", namespace, name }, problems: [] };
  if (namespace === null || namespace === before) {
    return { subject: { kind: "pod", namespace: before, name }, problems: [] };
  }
  return refuse(
    `--namespace: ${JSON.stringify(namespace)} is not valid; expected ${before} or none`,
  );
}

function isType(word: string | undefined): boolean {
  return word === "pod" || word === "pods" || word === "po";
}

function flagProblems(values: Values): string[] {
  const both = values["server-status"] !== "" && values["kubeconfig"] !== "";
  return [
    ...(both ? ["--kubeconfig: expected it or --server-status, not both"] : []),
    ...policyProblems(values),
  ];
}

function sourcesOf(values: Values, env: Env): Omit<ExplainOptions, "subject"> {
  const { kubeconfig, output } = values;
  const context = values.context || null;
  const policy = policySettingsOf(values);
  const shared = { context, output, policy };
  if (kubeconfig !== "") return { ...shared, server: null, kubeconfig: kubeconfigFile(kubeconfig) };
  return { ...shared, server: statusTarget(values), kubeconfig: usualKubeconfig(env) };
}

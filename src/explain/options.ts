/** The flags and arguments of `explain`, parsed, or everything that is wrong with them. Pure. */
import {
  kubeconfigFile,
  type KubeconfigFiles,
  usualKubeconfig,
} from "../kubernetes/client/kubeconfig_files.ts";
import type { PolicySettings } from "../policy/facts.ts";
import { policyProblems, policySettingsOf } from "../policy_flags/policy_flags.ts";
import type { FlagValues } from "../cli/flags.ts";
import { parseFlags } from "../cli/parse_flags.ts";
import { explainFlags } from "./flags.ts";

/** Where a server's status listener is by default, of `dev` and behind a port-forward. */
const usualStatusUrl = "http://127.0.0.1:9622";

/** Whom to ask. `usual`: a server at the usual place, else the cluster that kubectl would take. */
type Source =
  | { readonly kind: "server"; readonly url: string }
  | { readonly kind: "cluster"; readonly kubeconfig: KubeconfigFiles }
  | { readonly kind: "usual"; readonly url: string; readonly kubeconfig: KubeconfigFiles | null };

export interface ExplainOptions {
  readonly subject: { readonly namespace: string; readonly name: string } | "all";
  readonly source: Source;
  readonly json: boolean;
  /** For judging by policy alone. */
  readonly policy: PolicySettings;
}

type ParsedOptions =
  | { readonly kind: "options"; readonly options: ExplainOptions }
  | { readonly kind: "problems"; readonly problems: readonly string[] };

type Values = FlagValues<typeof explainFlags>;

export function parseExplainOptions(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): ParsedOptions {
  const parsed = parseFlags(explainFlags, args, env);
  if (parsed.kind === "problems") {
    return { kind: "problems", problems: [...parsed.problems, ...flagProblems(parsed.values)] };
  }
  const { values, positionals } = parsed;
  const problems = [...subjectProblems(values, positionals), ...flagProblems(values)];
  if (problems.length > 0) return { kind: "problems", problems };
  const [namespace = "", name = ""] = (positionals[0] ?? "").split("/");
  const subject = values.all ? "all" : { namespace, name };
  const json = values.output === "json";
  const policy = policySettingsOf(values);
  return { kind: "options", options: { subject, source: sourceOf(values, env), json, policy } };
}

function subjectProblems({ all }: Values, positionals: readonly string[]): string[] {
  const [first, ...others] = positionals;
  const strays = (all ? positionals : others).map((text) => `${text}: unexpected; ${expected}`);
  if (all) return strays;
  if (first === undefined) return [`explain: no pod; ${expected}`];
  if (/^[^/]+\/[^/]+$/.test(first)) return strays;
  return [`${first}: is no pod's name; ${expected}`, ...strays];
}

const expected = "expected NAMESPACE/POD or --all";

function flagProblems(values: Values): string[] {
  const both = values["server-status"] !== "" && values["kubeconfig"] !== "";
  return [
    ...(both ? ["--kubeconfig: expected it or --server-status, not both"] : []),
    ...policyProblems(values),
  ];
}

function sourceOf(values: Values, env: Readonly<Record<string, string | undefined>>): Source {
  const { "server-status": url, kubeconfig } = values;
  if (url !== "") return { kind: "server", url };
  if (kubeconfig !== "") return { kind: "cluster", kubeconfig: kubeconfigFile(kubeconfig) };
  return { kind: "usual", url: usualStatusUrl, kubeconfig: usualKubeconfig(env) };
}

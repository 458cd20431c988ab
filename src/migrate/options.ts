/** The flags and arguments of `migrate check`, parsed, or everything that is wrong with them. Pure. */
import {
  kubeconfigFile,
  type KubeconfigFiles,
  usualKubeconfig,
} from "../kubernetes/client/kubeconfig_files.ts";
import { policyProblems, policySettingsOf } from "../policy_flags/policy_flags.ts";
import type { FlagValues } from "../cli/flags.ts";
import { parseFlags } from "../cli/parse_flags.ts";
import { migrateFlags } from "./flags.ts";
import type { MigrationSettings } from "./difference.ts";
import type { Predecessor, PredecessorSettings } from "./predecessor.ts";

export interface MigrateOptions {
  readonly source:
    | { readonly kind: "files"; readonly paths: readonly string[] }
    | { readonly kind: "cluster"; readonly kubeconfig: KubeconfigFiles };
  /** Empty: concluded from the annotations. */
  readonly from: readonly Predecessor[];
  readonly json: boolean;
  readonly settings: MigrationSettings;
}

type ParsedOptions =
  | { readonly kind: "options"; readonly options: MigrateOptions }
  | { readonly kind: "problems"; readonly problems: readonly string[] };

type Values = FlagValues<typeof migrateFlags>;
type Env = Readonly<Record<string, string | undefined>>;

export function parseMigrateOptions(args: readonly string[], env: Env): ParsedOptions {
  const parsed = parseFlags(migrateFlags, args, env);
  if (parsed.kind === "problems") {
    return { kind: "problems", problems: [...parsed.problems, ...policyProblems(parsed.values)] };
  }
  const { values, positionals: [word, ...paths] } = parsed;
  const source = sourceOf(values, paths, env);
  const problems = [
    ...(word === "check"
      ? []
      : [`${["migrate", word].join(" ").trim()}: expected migrate check [FILE…]`]),
    ...(source === null
      ? ["migrate check: no files and no kubeconfig; expected FILE… or --kubeconfig"]
      : []),
    ...(paths.length > 0 && values.kubeconfig !== ""
      ? ["--kubeconfig: expected it or files, not both"]
      : []),
    ...policyProblems(values),
  ];
  if (problems.length > 0 || source === null) return { kind: "problems", problems };
  return {
    kind: "options",
    options: {
      source,
      from: predecessorsOf(values.from),
      json: values.output === "json",
      settings: { before: beforeOf(values), ours: policySettingsOf(values) },
    },
  };
}

function sourceOf(
  values: Values,
  paths: readonly string[],
  env: Env,
): MigrateOptions["source"] | null {
  if (paths.length > 0) return { kind: "files", paths };
  const kubeconfig = values.kubeconfig ? kubeconfigFile(values.kubeconfig) : usualKubeconfig(env);
  return kubeconfig === null ? null : { kind: "cluster", kubeconfig };
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

/** The settings of `dev`: its own, and the agent's and server's, through their own parsers. */
import { type AgentSettings, type Machine, parseAgentConfig } from "../agent/config.ts";
import { agentFlags } from "../agent/flags.ts";
import { parseServerConfig, type ServerSettings } from "../server/config.ts";
import { serverFlags } from "../server/flags.ts";
import { type FlagTable, type FlagValues, variableOf } from "../cli/flags.ts";
import { type Env, flagTokens, type ParsedSettings, parseFlags } from "../cli/parse_flags.ts";
import { devFlags, withoutEffect } from "./flags.ts";

type Values = FlagValues<typeof devFlags>;

export interface DevSettings {
  readonly agent: AgentSettings;
  readonly server: ServerSettings;
  /** No paths: the default manifest. */
  readonly cluster:
    | { readonly kind: "manifests"; readonly paths: readonly string[] }
    | { readonly kind: "kubeconfig"; readonly path: string; readonly as: readonly string[] };
  /** Where roles are assumed. */
  readonly sts: "embedded" | "endpoint" | "aws";
  /** Null means the embedded service. */
  readonly metadataUrl: string | null;
}

/**
 * Returns all problems, each a line naming the flag, the value and what is expected. Positionals are
 * further manifests, as a shell expands `--manifests dev/*.yaml`.
 */
export function parseDevConfig(
  args: readonly string[],
  env: Env,
  machine: Machine,
): ParsedSettings<DevSettings> {
  const parsed = parseFlags(devFlags, args, env);
  const { values, positionals } = parsed;
  const agent = parseAgentConfig(
    [...argsOf(agentFlags, args), "--redirect=none"],
    withDefaults(env),
    machine,
  );
  const server = parseServerConfig(argsOf(serverFlags, args), withDefaults(env));
  const problems = [parsed, agent, server]
    .flatMap((part) => part.kind === "problems" ? part.problems : [])
    .concat(problemsOf(values, positionals));
  if (
    problems.length > 0 || parsed.kind === "problems" || agent.kind === "problems" ||
    server.kind === "problems"
  ) return { kind: "problems", problems: [...new Set(problems)] };
  return {
    kind: "parsed",
    settings: settingsOf(values, positionals, { agent: agent.settings, server: server.settings }),
    notices: [...agent.notices, ...server.notices, ...idleFlags(parsed.given)],
  };
}

/** The arguments that belong to one of the two. */
function argsOf(table: FlagTable, args: readonly string[]): string[] {
  return flagTokens(devFlags, args).flatMap((token) => {
    if (token.kind !== "option" || !Object.hasOwn(table, token.name)) return [];
    return [token.value === undefined ? `--${token.name}` : `--${token.name}=${token.value}`];
  });
}

/** Applies `dev`'s default addresses instead of the agent's and the server's. */
function withDefaults(env: Env): Env {
  const result: Record<string, string | undefined> = { ...env };
  for (const name of ["listen", "admin-listen", "status-listen"] as const) {
    result[variableOf(name)] ||= devFlags[name].default;
  }
  return result;
}

function problemsOf(values: Values, positionals: readonly string[]): string[] {
  const { kubeconfig, as, aws, manifests } = values;
  const problems: string[] = [];
  const check = (wrong: boolean, problem: string) => void (wrong && problems.push(problem));
  const files = [...manifests, ...positionals];
  check(
    kubeconfig !== "" && files.length > 0,
    `--manifests: "${files[0]}" is not valid; expected none with --kubeconfig`,
  );
  check(
    kubeconfig !== "" && as.length === 0,
    "--as: is missing; expected NAMESPACE/POD with --kubeconfig",
  );
  check(
    kubeconfig === "" && as.length > 0,
    `--as: "${as[0]}" is not valid; it needs --kubeconfig`,
  );
  for (const name of as.filter((one) => !/^[a-z0-9-]+\/[a-z0-9.-]+$/.test(one))) {
    problems.push(`--as: "${name}" is not valid; expected NAMESPACE/POD`);
  }
  check(as.length > 250, "--as: is given too often; expected at most 250 pods");
  check(
    aws && values["sts-endpoint"] !== "",
    `--sts-endpoint: "${values["sts-endpoint"]}" is not valid; expected none with --aws`,
  );
  return problems;
}

function settingsOf(
  values: Values,
  positionals: readonly string[],
  { agent, server }: Pick<DevSettings, "agent" | "server">,
): DevSettings {
  const paths = [...values.manifests, ...positionals];
  const { kubeconfig, as, aws } = values;
  const sts = aws ? "aws" : values["sts-endpoint"] === "" ? "embedded" : "endpoint";
  return {
    agent: { ...agent, logLevel: values["log-level"], logFormat: values["log-format"] },
    server: { ...server, region: regionOf(values, sts) },
    cluster: kubeconfig === ""
      ? { kind: "manifests", paths }
      : { kind: "kubeconfig", path: kubeconfig, as },
    sts,
    metadataUrl: values["metadata-url"] || null,
  };
}

function regionOf(values: Values, sts: DevSettings["sts"]): string | null {
  if (values.region !== "") return values.region;
  return sts === "aws" ? null : "eu-west-1";
}

function idleFlags(given: ReadonlySet<string>): string[] {
  return withoutEffect.filter((name) => given.has(name)).map((name) =>
    `--${name}: has no effect in dev, where agent and server are one process`
  );
}

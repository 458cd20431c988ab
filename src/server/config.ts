/** Parses and checks the server's settings. Pure. */
import type { PolicySettings } from "../policy/facts.ts";
import { parseRoleArn } from "../policy/role_arn.ts";
import { inWords } from "../policy/session_duration.ts";
import { isAmbiguous } from "../policy/template.ts";
import { policyProblems, policySettingsOf } from "../policy_flags/policy_flags.ts";
import type { FlagValues } from "../cli/flags.ts";
import { type HostPort, hostPortText } from "../net/host_port.ts";
import { type Env, type ParsedSettings, parseFlagsOnly } from "../cli/parse_flags.ts";
import { serverFlags } from "./flags.ts";

type Values = FlagValues<typeof serverFlags>;

/** Empty flags are null here. */
export interface ServerSettings {
  readonly listen: HostPort;
  readonly adminListen: HostPort;
  readonly statusListen: HostPort;
  readonly statusAuth: Values["status-auth"];
  readonly kubeconfig: string | null;
  /** Null: the server runs its own CA. */
  readonly tlsFiles: { readonly cert: string; readonly key: string } | null;
  readonly tlsSecret: string;
  readonly caConfigMap: string;
  readonly tlsDnsNames: readonly string[];
  readonly namespace: string | null;
  readonly agentServiceAccount: { readonly namespace: string; readonly name: string };
  /** URL of the headless Service; null with a single replica. */
  readonly replicas: string | null;
  readonly tokenFile: string;
  readonly tokenAudience: string;
  readonly podTokenAudience: string;
  /** Without what the server's own AWS identity adds: see `policy_settings.ts`. */
  readonly policy: PolicySettings;
  readonly region: string | null;
  readonly stsEndpoint: string | null;
  readonly assumeRoleArn: string | null;
  readonly stsRate: number;
  readonly stsBurst: number;
  readonly stsConcurrency: number;
  readonly startupTaint: string | null;
  readonly logLevel: Values["log-level"];
  readonly logFormat: Values["log-format"];
}

/** STS limits sessions of chained roles to an hour (AWS: role chaining). */
const chainedSeconds = 3600;

/** Lists all problems at once, one line each: flag, value and what is expected. */
export function parseServerConfig(
  args: readonly string[],
  env: Env,
): ParsedSettings<ServerSettings> {
  const parsed = parseFlagsOnly("server", serverFlags, args, env);
  const problems = problemsOf(parsed.values);
  if (parsed.kind === "problems") problems.unshift(...parsed.problems);
  if (parsed.kind === "problems" || problems.length > 0) return { kind: "problems", problems };
  const settings = settingsOf(parsed.values);
  return { kind: "parsed", settings, notices: noticesOf(settings) };
}

function problemsOf(values: Values): string[] {
  return rules.flatMap(([flag, holds, expected]) =>
    holds(values) ? [] : [`--${flag}: ${shown(values, flag)} is not valid; ${expected}`]
  ).concat(policyProblems(values));
}

/** Rules across flags: the flag, whether its value is valid, and what is expected. */
const rules: readonly (readonly [keyof Values & string, (values: Values) => boolean, string])[] = [
  [
    "assume-role-arn",
    ({ "assume-role-arn": arn }) => arn === "" || parseRoleArn(arn).kind === "role",
    "expected a role's ARN",
  ],
  [
    "assume-role-arn",
    (values) => values["assume-role-arn"] === "" || values["assume-with"] === "server",
    "with --assume-with=service-account the server assumes nothing itself",
  ],
  [
    "session-duration",
    (values) => values["assume-role-arn"] === "" || values["session-duration"] <= chainedSeconds,
    "with --assume-role-arn sessions last at most 1h",
  ],
  [
    "tls-cert",
    (values) => values["tls-cert"] === "" || values["tls-key"] !== "",
    "it needs --tls-key",
  ],
  [
    "tls-key",
    (values) => values["tls-key"] === "" || values["tls-cert"] !== "",
    "it needs --tls-cert",
  ],
  [
    "pod-token-audience",
    (values) => values["pod-token-audience"] !== values["token-audience"],
    "pods' tokens must not be agents' tokens: expected another audience than --token-audience",
  ],
  [
    "status-listen",
    (values) => /^(?:127(?:\.\d{1,3}){3}|::1|localhost)$/.test(values["status-listen"].host),
    "expected a loopback address; reach it by port-forward",
  ],
];

function settingsOf(values: Values): ServerSettings {
  const [namespace = "", name = ""] = values["agent-service-account"].split(":");
  const { "tls-cert": cert, "tls-key": key } = values;
  return Object.freeze({
    listen: values["listen"],
    adminListen: values["admin-listen"],
    statusListen: values["status-listen"],
    statusAuth: values["status-auth"],
    kubeconfig: textOf(values["kubeconfig"]),
    tlsFiles: cert === "" ? null : { cert, key },
    tlsSecret: values["tls-secret"],
    caConfigMap: values["ca-configmap"],
    tlsDnsNames: values["tls-dns-names"],
    namespace: textOf(values["namespace"]),
    agentServiceAccount: { namespace, name },
    replicas: textOf(values["replicas"]),
    tokenFile: values["token-file"],
    tokenAudience: values["token-audience"],
    podTokenAudience: values["pod-token-audience"],
    policy: policySettingsOf(values),
    region: textOf(values["region"]),
    stsEndpoint: textOf(values["sts-endpoint"]),
    assumeRoleArn: textOf(values["assume-role-arn"]),
    stsRate: values["sts-rate"],
    stsBurst: values["sts-burst"],
    stsConcurrency: values["sts-concurrency"],
    startupTaint: textOf(values["startup-taint"]),
    logLevel: values["log-level"],
    logFormat: values["log-format"],
  });
}

function noticesOf({ policy }: ServerSettings): string[] {
  const templates = [
    ["--session-name", policy.sessionNameTemplate],
    ...policy.sessionTags.map(({ key, template }) => [`session tag ${key}`, template]),
    ["--source-identity", policy.sourceIdentityTemplate ?? ""],
  ] as const;
  return templates.flatMap(([what = "", template = ""]) => [
    ...(/\{(?:pod|uid)\}/.test(template) ? [`${what} names the pod: ${perPod}`] : []),
    ...(isAmbiguous(template, /[^A-Za-z0-9-]/) ? [`${what} is ambiguous: ${joined}`] : []),
  ]);
}

const perPod = "pods don't share credentials, so each pod costs STS calls of its own";
const joined =
  "names of two namespaces or pods can give the same text; separate them, as by _ or /";

/** A value as the user wrote it. */
function shown(values: Values, flag: keyof Values & string): string {
  if (flag === "session-duration") return JSON.stringify(inWords(values[flag]));
  const value = values[flag];
  const isListen = typeof value === "object" && "port" in value;
  return JSON.stringify(isListen ? hostPortText(value) : value);
}

function textOf(value: string): string | null {
  return value === "" ? null : value;
}

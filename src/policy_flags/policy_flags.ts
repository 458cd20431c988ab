/**
 * The flags that decide which pod gets which role, and under which role identity: the server's, and
 * the same ones for commands that judge pods without a server.
 */
import { containerCredentialsFlag, flag, type FlagValues } from "../cli/flags.ts";
import { externalIdTemplateProblem } from "../policy/external_id.ts";
import type { PolicySettings, SessionTagTemplate } from "../policy/facts.ts";
import { namespaceExpressionProblem } from "../policy/namespace_expression.ts";
import { formatRoleBaseArn, parseRoleBaseArn } from "../policy/role_base.ts";
import { eksTags, sessionTagsProblem, sourceIdentityProblem } from "../policy/session_tags.ts";
import { templateProblem } from "../policy/template.ts";

export const policyFlags = {
  "role-base-arn": flag.text(
    "",
    "prefix of roles without arn:, such as arn:aws:iam::111122223333:role/; empty means the account " +
      "of the server's own credentials",
  ),
  "permitted-match": flag.choice(
    ["arn", "name"],
    "arn",
    "what a namespace's expression must match: the role's ARN, or alternatively its path and name",
  ),
  "allowed-roles": flag.boolean("also honour kube2iam's iam.amazonaws.com/allowed-roles"),
  "container-credentials": containerCredentialsFlag,
  "cluster-name": flag.text("", "the cluster's name, for {cluster} in templates and for tags"),
  "session-duration": flag.duration("1h", "how long credentials last", { min: "15m", max: "12h" }),
  "session-name": flag.text(
    "{namespace}.{serviceAccount}",
    "template of session names; also {pod}, {cluster} and {role}",
  ),
  "session-tags": flag.text(
    "off",
    `session tags under EKS's keys: all, off, or a list of ${
      eksTags.map(({ key }) => key).join(", ")
    }`,
  ),
  "session-tag": flag.list(
    "a session tag of your own; its value is a template like --session-name",
    "KEY=TEMPLATE",
  ),
  "transitive-tags": flag.list("keys of the session tags that are passed along a role chain"),
  "source-identity": flag.text("", "template of the source identity, like --session-name"),
  "external-id": flag.text(
    "",
    "template of the external ID sent for every role: {cluster}, {namespace}, {serviceAccount}, with " +
      "one of /:,=@+_ between any two",
  ),
  "external-id-permitted": flag.text(
    "",
    "expression, with {namespace}, that a namespace's own external ID must match; empty permits none",
  ),
  "assume-role-permitted": flag.text(
    "",
    "expression, with {namespace}, that the ARN of a namespace's assume-role must match; empty " +
      "permits none",
  ),
  "assume-with": flag.choice(
    ["server", "service-account"],
    "server",
    "how roles are assumed: by the server, or with tokens of the pods' own ServiceAccounts, as IRSA does",
  ),
  "web-identity-audience": flag.form(
    "sts.amazonaws.com",
    "audience of those tokens",
    /./,
    "an audience",
  ),
  "irsa-annotations": flag.boolean(
    "eks.amazonaws.com/role-arn on a ServiceAccount is its role, if it has no iam.amazonaws.com/role",
  ),
};

/**
 * The same for commands that judge pods without a server. The longest duration is the default there:
 * a shorter one would deny pods that the server serves.
 */
export const policyFlagsAsServer = {
  ...(Object.fromEntries(
    Object.entries(policyFlags).map(([name, one]) => [
      name,
      { ...one, help: `as the server has it: ${one.help}` },
    ]),
  ) as unknown as typeof policyFlags),
  "session-duration": flag.duration("12h", "as the server has it", { min: "15m", max: "12h" }),
};

type PolicyValues = FlagValues<typeof policyFlags>;

/** What is wrong with the values, a line each, naming the flag. */
export function policyProblems(values: PolicyValues): string[] {
  return checks.flatMap(([name, problemOf]) => {
    const problem = problemOf(values, values["cluster-name"] || null);
    return problem === null ? [] : [`--${name}: ${shown(values[name])} is not valid; ${problem}`];
  });
}

type Check = (values: PolicyValues, clusterName: string | null) => string | null;

const checks: readonly (readonly [keyof PolicyValues, Check])[] = [
  ["role-base-arn", ({ "role-base-arn": text }) => {
    const parsed = text === "" ? null : parseRoleBaseArn(text);
    return parsed?.kind === "malformed" ? `expected ${parsed.expected}` : null;
  }],
  ["session-name", ({ "session-name": text }, cluster) => {
    return withSubject("the template", templateProblem(text, cluster));
  }],
  ["session-tags", ({ "session-tags": text }, cluster) => {
    const unknown = listed(text).find((key) => !eksTags.some((one) => one.key === key));
    if (unknown !== undefined) return `expected ${policyFlags["session-tags"].help}`;
    const needsName = eksTagsOf(text).some(({ template }) => template === "{cluster}");
    return needsName && cluster === null ? "it needs --cluster-name for eks-cluster-name" : null;
  }],
  ["session-tag", (values, cluster) => {
    const malformed = values["session-tag"].find((text) => !text.includes("="));
    if (malformed !== undefined) return `${shown(malformed)} is not KEY=TEMPLATE`;
    const tags = tagsOf(values);
    return withSubject("with --session-tags it", sessionTagsProblem(tags, cluster));
  }],
  ["transitive-tags", (values) => {
    const keys = new Set(tagsOf(values).map(({ key }) => key));
    const stray = values["transitive-tags"].find((key) => !keys.has(key));
    return stray === undefined ? null : `${shown(stray)} is not among the session tags`;
  }],
  ["source-identity", ({ "source-identity": text }, cluster) => {
    return text === "" ? null : withSubject("the template", sourceIdentityProblem(text, cluster));
  }],
  ["external-id", ({ "external-id": text }, cluster) => {
    return text === ""
      ? null
      : withSubject("the template", externalIdTemplateProblem(text, cluster));
  }],
  ["assume-with", (values) => {
    if (values["assume-with"] === "server") return null;
    const names = ["external-id", "session-tag", "source-identity"] as const;
    const unsent = names.filter((name) => values[name].length > 0);
    const tags = values["session-tags"] === "off" ? [] : ["session-tags"];
    const [first] = [...unsent, ...tags];
    return first === undefined ? null : `a ServiceAccount's token can't carry --${first}`;
  }],
  ["external-id-permitted", ({ "external-id-permitted": text }) => expressionProblem(text)],
  ["assume-role-permitted", ({ "assume-role-permitted": text }) => expressionProblem(text)],
];

function withSubject(what: string, problem: string | null): string | null {
  return problem === null ? null : `${what} ${problem}`;
}

function expressionProblem(text: string): string | null {
  return text === "" ? null : withSubject("the expression", namespaceExpressionProblem(text));
}

/** The settings that these values mean. `maxSessionDurationSeconds` and reserved roles are the server's. */
export function policySettingsOf(values: PolicyValues): PolicySettings {
  return {
    roleBaseArn: baseArnOf(values["role-base-arn"]),
    permittedMatch: values["permitted-match"],
    honourAllowedRoles: values["allowed-roles"],
    hostNetworkServed: values["container-credentials"].length > 0,
    sessionNameTemplate: values["session-name"],
    sessionDurationSeconds: values["session-duration"],
    maxSessionDurationSeconds: 43_200,
    sessionTags: tagsOf(values),
    transitiveTagKeys: values["transitive-tags"],
    sourceIdentityTemplate: values["source-identity"] || null,
    externalIdTemplate: values["external-id"] || null,
    externalIdPermitted: values["external-id-permitted"] || null,
    assumeRolePermitted: values["assume-role-permitted"] || null,
    clusterName: values["cluster-name"] || null,
    assumeWith: values["assume-with"],
    webIdentityAudience: values["web-identity-audience"],
    honourIrsaAnnotations: values["irsa-annotations"],
    reservedRoleArns: [],
  };
}

/** With its last slash, which the flag may leave out. */
function baseArnOf(text: string): string | null {
  const parsed = parseRoleBaseArn(text);
  return parsed.kind === "base" ? formatRoleBaseArn(parsed.base) : null;
}

function tagsOf(values: PolicyValues): SessionTagTemplate[] {
  const own = values["session-tag"].map((text) => {
    const at = text.indexOf("=");
    return { key: text.slice(0, at), template: text.slice(at + 1) };
  });
  return [...eksTagsOf(values["session-tags"]), ...own];
}

function eksTagsOf(text: string): readonly SessionTagTemplate[] {
  if (text === "all") return eksTags;
  const keys = new Set(listed(text));
  return eksTags.filter(({ key }) => keys.has(key));
}

/** The keys in a list; `all` and `off` name none. */
function listed(text: string): string[] {
  if (text === "all" || text === "off" || text === "") return [];
  return text.split(",").map((key) => key.trim());
}

function shown(value: unknown): string {
  return JSON.stringify(Array.isArray(value) ? value.join(",") : value);
}

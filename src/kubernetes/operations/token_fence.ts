/**
 * Checks the ValidatingAdmissionPolicy that limits which tokens the server may request. Without it
 * the server could get a token of every ServiceAccount in the cluster, so then it requests none.
 * What the API server holds is compared with what the component `federated` deploys.
 */
import * as v from "valibot";
import type { KubernetesApi } from "../client/api.ts";
import { ApiFault } from "../client/api_fault.ts";

const policyName = "rolecall-service-account-tokens";
/** A namespace opts in with this label and the value `allowed`. */
const tokensLabel = "rolecall.dev/service-account-tokens";

interface TokenFenceOptions {
  readonly api: Pick<KubernetesApi, "json">;
  /** The server's own, as the API server knows it; null if it isn't known. */
  readonly username: string | null;
  readonly audience: string;
}

const texts = v.optional(v.nullable(v.array(v.string())), []);
const noSelector = v.nullish(v.strictObject({}));
const rule = v.object({
  apiGroups: texts,
  apiVersions: texts,
  operations: texts,
  resources: texts,
  resourceNames: v.optional(v.nullable(v.array(v.string())), []),
  scope: v.nullish(v.string(), "*"),
});
const policyShape = v.object({
  spec: v.object({
    failurePolicy: v.literal("Fail"),
    paramKind: v.nullish(v.never()),
    matchConstraints: v.object({
      resourceRules: v.array(rule),
      excludeResourceRules: v.nullish(v.strictTuple([])),
      namespaceSelector: noSelector,
      objectSelector: noSelector,
    }),
    matchConditions: v.optional(v.nullable(v.array(v.object({ expression: v.string() }))), []),
    validations: v.array(v.object({ expression: v.string() })),
  }),
});
const bindingShape = v.object({
  spec: v.object({
    policyName: v.literal(policyName),
    paramRef: v.nullish(v.never()),
    matchResources: v.nullish(v.strictObject({})),
    validationActions: v.array(v.string()),
  }),
});

/** Null if the fence is in place, else what is wrong with it. Never throws. */
export async function tokenFenceProblem(options: TokenFenceOptions): Promise<string | null> {
  const { api, username, audience } = options;
  if (username === null) return "the server doesn't know its own ServiceAccount";
  try {
    const [policy, binding] = await Promise.all([
      readOne(api, "validatingadmissionpolicies"),
      readOne(api, "validatingadmissionpolicybindings"),
    ]);
    if (policy === null || binding === null) return missing;
    const part = weakened(policy, expectedExpressions(username, audience)) ?? unbound(binding);
    return part === null ? null : `${changed} (${part}); ${remedy}`;
  } catch {
    return `the ValidatingAdmissionPolicy ${policyName} can't be read; ${remedy}`;
  }
}

const remedy = "apply the component federated as it is";
const missing = `the ValidatingAdmissionPolicy ${policyName} or its binding is missing; ${remedy}`;
const changed = `the ValidatingAdmissionPolicy ${policyName} differs from the component's`;

interface Expressions {
  readonly condition: string;
  readonly validations: readonly string[];
}

/** Whom the policy applies to, and what must hold for each of their requests. */
export function expectedExpressions(username: string, audience: string): Expressions {
  return {
    condition: `request.userInfo.username == '${username}'`,
    validations: [
      `object.spec.audiences == ['${audience}']`,
      "object.spec.?boundObjectRef.?kind.orValue('') == 'Pod'",
      "object.spec.?expirationSeconds.orValue(3600) <= 600",
      `namespaceObject.metadata.?labels[?'${tokensLabel}'].orValue('') == 'allowed'`,
    ],
  };
}

/** The first part of the policy that permits too much. */
function weakened(policy: unknown, expected: Expressions): string | null {
  const read = v.safeParse(policyShape, policy);
  if (!read.success) return v.getDotPath(read.issues[0]) ?? "spec";
  const { matchConstraints, matchConditions, validations } = read.output.spec;
  if (!matchConstraints.resourceRules.some(coversTokens)) return "spec.matchConstraints";
  const conditions = (matchConditions ?? []).map(({ expression }) => plain(expression));
  if (conditions.some((one) => one !== plain(expected.condition))) return "spec.matchConditions";
  const held = new Set(validations.map(({ expression }) => plain(expression)));
  const lost = expected.validations.find((one) => !held.has(plain(one)));
  return lost === undefined ? null : `spec.validations lacks ${lost}`;
}

function coversTokens(
  { resourceNames, scope, ...lists }: v.InferOutput<typeof rule>,
): boolean {
  const has = (list: readonly string[] | null, ...wanted: readonly string[]) =>
    (list ?? []).some((one) => one === "*" || wanted.includes(one));
  return (resourceNames ?? []).length === 0 && scope !== "Cluster" && has(lists.apiGroups, "") &&
    has(lists.apiVersions, "v1") && has(lists.operations, "CREATE") &&
    has(lists.resources, "serviceaccounts/token", "*/*");
}

function unbound(binding: unknown): string | null {
  const read = v.safeParse(bindingShape, binding);
  if (!read.success) return `binding: ${v.getDotPath(read.issues[0]) ?? "spec"}`;
  return read.output.spec.validationActions.includes("Deny") ? null : "binding: no Deny";
}

/** CEL without the spaces that a formatter may change. */
function plain(expression: string): string {
  return expression.replaceAll(/\s+/g, " ").trim();
}

async function readOne(api: Pick<KubernetesApi, "json">, resource: string): Promise<unknown> {
  const path = `/apis/admissionregistration.k8s.io/v1/${resource}/${policyName}`;
  try {
    return await api.json({ action: `get ${resource} ${policyName}`, path });
  } catch (fault) {
    if (fault instanceof ApiFault && fault.code === "api_not_found") return null;
    throw fault;
  }
}

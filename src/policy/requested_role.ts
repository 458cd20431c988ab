/** Which role a pod requests, and where: on the pod, its ServiceAccount or its namespace. */
import { shown } from "./denial_text.ts";
import type { NamespaceFacts, PodFacts, ServiceAccountFacts } from "./facts.ts";

/** A role as written, and where. */
export interface WrittenRole {
  readonly kind: "role";
  readonly text: string;
  /** Object and annotation, to begin a message: `pod shop/cart: iam.amazonaws.com/role`. */
  readonly where: string;
  /** The same for use in a remedy: `the pod's iam.amazonaws.com/role`. */
  readonly setting: string;
}

export type RequestedRole =
  | { readonly kind: "none" }
  /** It depends on the namespace's default, and the namespace isn't known. */
  | { readonly kind: "unknown" }
  | WrittenRole;

const roleKey = "iam.amazonaws.com/role";
const irsaKey = "eks.amazonaws.com/role-arn";
const defaultRoleKey = "iam.amazonaws.com/default-role";

/**
 * The first of pod, ServiceAccount and namespace that has the annotation decides. An empty one means
 * no role, so that a pod (or a ServiceAccount, for its pods) can opt out of the defaults. IRSA's
 * annotation counts after the ServiceAccount's own; the policy leaves it out unless it is honoured.
 */
export function requestedRole(
  pod: PodFacts,
  namespace: NamespaceFacts | undefined,
  serviceAccount: ServiceAccountFacts | undefined,
): RequestedRole {
  const account = serviceAccount?.role ?? null;
  const irsa = serviceAccount?.irsaRole || null;
  if (pod.role !== null) return requested(pod.role, podName(pod), "pod", roleKey);
  if (account !== null) {
    return requested(account, serviceAccountName(pod), "ServiceAccount", roleKey);
  }
  if (irsa !== null) return requested(irsa, serviceAccountName(pod), "ServiceAccount", irsaKey);
  if (namespace === undefined) return { kind: "unknown" };
  const name = namespaceName(namespace.name);
  return requested(namespace.defaultRole ?? "", name, "namespace", defaultRoleKey);
}

/** `pod shop/cart-0`, for messages. */
export function podName(pod: PodFacts): string {
  return `pod ${shown(pod.namespace, 63)}/${shown(pod.name, 63)}`;
}

/** `namespace shop`, for messages. */
export function namespaceName(name: string): string {
  return `namespace ${shown(name, 63)}`;
}

/** `serviceaccount shop/cart`, for messages. */
export function serviceAccountName(pod: PodFacts): string {
  return `serviceaccount ${shown(pod.namespace, 63)}/${shown(pod.serviceAccount, 63)}`;
}

function requested(text: string, object: string, owner: string, key: string): RequestedRole {
  if (text === "") return { kind: "none" };
  return { kind: "role", text, where: `${object}: ${key}`, setting: `the ${owner}'s ${key}` };
}

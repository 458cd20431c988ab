/** Which role a pod asks for and who says so: the pod, its ServiceAccount or its namespace. */
import { shown } from "./denial_text.ts";
import type { NamespaceFacts, PodFacts, ServiceAccountFacts } from "./facts.ts";

/** A role's text and where it stands. */
export interface WrittenRole {
  readonly kind: "role";
  readonly text: string;
  /** The annotation with its object, as a message begins: `pod shop/cart: iam.amazonaws.com/role`. */
  readonly where: string;
  /** The same as a remedy names it: `the pod's iam.amazonaws.com/role`. */
  readonly setting: string;
}

export type RequestedRole =
  | { readonly kind: "none" }
  /** The pod leaves it to a namespace that isn't known. */
  | { readonly kind: "unknown" }
  | WrittenRole;

const roleKey = "iam.amazonaws.com/role";
const defaultRoleKey = "iam.amazonaws.com/default-role";

/**
 * The first of pod, ServiceAccount and namespace that has the annotation decides; an empty one means
 * no role, so that a pod (or a ServiceAccount for its pods) can decline what the others would give.
 */
export function requestedRole(
  pod: PodFacts,
  namespace: NamespaceFacts | undefined,
  serviceAccount: ServiceAccountFacts | undefined,
): RequestedRole {
  const account = serviceAccount?.role ?? null;
  if (pod.role !== null) return requested(pod.role, podName(pod), "pod", roleKey);
  if (account !== null) {
    return requested(account, serviceAccountName(pod), "ServiceAccount", roleKey);
  }
  if (namespace === undefined) return { kind: "unknown" };
  const name = namespaceName(namespace.name);
  return requested(namespace.defaultRole ?? "", name, "namespace", defaultRoleKey);
}

/** `pod shop/cart-0`, as messages name it. */
export function podName(pod: PodFacts): string {
  return `pod ${shown(pod.namespace, 63)}/${shown(pod.name, 63)}`;
}

/** `namespace shop`, as messages name it. */
export function namespaceName(name: string): string {
  return `namespace ${shown(name, 63)}`;
}

function serviceAccountName(pod: PodFacts): string {
  return `serviceaccount ${shown(pod.namespace, 63)}/${shown(pod.serviceAccount, 63)}`;
}

function requested(text: string, object: string, owner: string, key: string): RequestedRole {
  if (text === "") return { kind: "none" };
  return { kind: "role", text, where: `${object}: ${key}`, setting: `the ${owner}'s ${key}` };
}

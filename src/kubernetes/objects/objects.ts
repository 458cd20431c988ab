/**
 * Kubernetes objects → facts: only the fields that decisions depend on, read leniently. A field of the
 * wrong type counts as absent; only an object without its identity is unreadable.
 */
import * as v from "valibot";
import { canonicalAddresses } from "../../net/ip_address.ts";
import type { NamespaceFacts, PodFacts, ServiceAccountFacts } from "../../policy/facts.ts";
import type { Picked, Resource } from "./resource.ts";

/** Annotation keys; kiam's, if kiam has one. */
export const annotationKeys = {
  /** On a Pod or ServiceAccount: name, path and name, or ARN. */
  role: "iam.amazonaws.com/role",
  sessionName: "iam.amazonaws.com/session-name",
  externalId: "iam.amazonaws.com/external-id",
  sessionDuration: "iam.amazonaws.com/session-duration",
  /** On a Namespace, ServiceAccount or Pod. */
  sessionPolicyArns: "iam.amazonaws.com/session-policy-arns",
  /** On a Namespace. */
  assumeRole: "iam.amazonaws.com/assume-role",
  sessionPolicy: "iam.amazonaws.com/session-policy",
  assumeWith: "iam.amazonaws.com/assume-with",
  permitted: "iam.amazonaws.com/permitted",
  defaultRole: "iam.amazonaws.com/default-role",
  imdsv2: "iam.amazonaws.com/imdsv2",
  /** kube2iam's. */
  allowedRoles: "iam.amazonaws.com/allowed-roles",
  /** Set by the kubelet on static pods, which it creates from files on the node. */
  mirror: "kubernetes.io/config.mirror",
} as const;

/** EKS's own annotation on ServiceAccounts (IAM roles for service accounts). */
const irsaRoleKey = "eks.amazonaws.com/role-arn";

const name = v.pipe(v.string(), v.nonEmpty());
const optionalText = v.fallback(v.nullish(v.string(), null), null);
const annotations = v.fallback(v.record(v.string(), v.unknown()), {});

/** Items of a list have no kind. */
const kindIs = <K extends string>(kind: K) => v.optional(v.literal(kind));

const podObject = v.object({
  kind: kindIs("Pod"),
  metadata: v.object({
    uid: name,
    namespace: name,
    name,
    annotations,
    creationTimestamp: optionalText,
    deletionTimestamp: optionalText,
  }),
  spec: v.fallback(
    v.object({
      nodeName: optionalText,
      serviceAccountName: optionalText,
      hostNetwork: v.fallback(v.boolean(), false),
    }),
    { nodeName: null, serviceAccountName: null, hostNetwork: false },
  ),
  status: v.fallback(
    v.object({
      phase: optionalText,
      podIP: optionalText,
      podIPs: v.fallback(v.array(v.fallback(v.object({ ip: optionalText }), { ip: null })), []),
    }),
    { phase: null, podIP: null, podIPs: [] },
  ),
});
type PodObject = v.InferOutput<typeof podObject>;

const namespaceObject = v.object({
  kind: kindIs("Namespace"),
  metadata: v.object({ name, annotations, deletionTimestamp: optionalText }),
});
type NamespaceObject = v.InferOutput<typeof namespaceObject>;
const serviceAccountObject = v.object({
  kind: kindIs("ServiceAccount"),
  metadata: v.object({ namespace: name, name, annotations }),
});

/** Key: uid. */
export const pods: Resource<PodFacts> = {
  plural: "pods",
  path: "/api/v1/pods",
  pick(object) {
    const read = v.safeParse(podObject, object);
    if (!read.success) return unreadable("pod", object, keyAt(object, "uid"));
    return { key: read.output.metadata.uid, item: podFacts(read.output) };
  },
};

/** Key: name. */
export const namespaces: Resource<NamespaceFacts> = {
  plural: "namespaces",
  path: "/api/v1/namespaces",
  pick(object) {
    const read = v.safeParse(namespaceObject, object);
    if (!read.success) return unreadable("namespace", object, keyAt(object, "name"));
    const { metadata } = read.output;
    return { key: metadata.name, item: namespaceFacts(metadata) };
  },
};

/** Key: `namespace/name`. */
export const serviceAccounts: Resource<ServiceAccountFacts> = {
  plural: "serviceaccounts",
  path: "/api/v1/serviceaccounts",
  pick(object) {
    const read = v.safeParse(serviceAccountObject, object);
    if (!read.success) return unreadable("serviceaccount", object, null);
    const { namespace, name, annotations } = read.output.metadata;
    const item = {
      namespace,
      name,
      role: text(annotations, annotationKeys.role),
      irsaRole: text(annotations, irsaRoleKey),
      sessionPolicyArns: text(annotations, annotationKeys.sessionPolicyArns),
    };
    return { key: `${namespace}/${name}`, item };
  },
};

function podFacts({ metadata, spec, status }: PodObject): PodFacts {
  const annotated = (key: string) => text(metadata.annotations, key);
  return {
    uid: metadata.uid,
    namespace: metadata.namespace,
    name: metadata.name,
    nodeName: spec.nodeName || null,
    serviceAccount: spec.serviceAccountName || "default",
    ips: addresses(status),
    hostNetwork: spec.hostNetwork,
    terminal: status.phase === "Succeeded" || status.phase === "Failed",
    terminating: metadata.deletionTimestamp !== null,
    mirror: Object.hasOwn(metadata.annotations, annotationKeys.mirror)
      ? annotated(annotationKeys.mirror) ?? ""
      : null,
    // Without one, the oldest of all: its claim to an address then yields to any other.
    createdAt: metadata.creationTimestamp ?? "1970-01-01T00:00:00Z",
    role: annotated(annotationKeys.role),
    sessionName: annotated(annotationKeys.sessionName),
    externalId: annotated(annotationKeys.externalId),
    sessionDuration: annotated(annotationKeys.sessionDuration),
    sessionPolicyArns: annotated(annotationKeys.sessionPolicyArns),
  };
}

function namespaceFacts(metadata: NamespaceObject["metadata"]): NamespaceFacts {
  const annotated = (key: string) => text(metadata.annotations, key);
  return {
    name: metadata.name,
    permitted: annotated(annotationKeys.permitted),
    allowedRoles: annotated(annotationKeys.allowedRoles),
    defaultRole: annotated(annotationKeys.defaultRole),
    imdsv2: annotated(annotationKeys.imdsv2),
    externalId: annotated(annotationKeys.externalId),
    assumeRole: annotated(annotationKeys.assumeRole),
    assumeWith: annotated(annotationKeys.assumeWith),
    sessionPolicyArns: annotated(annotationKeys.sessionPolicyArns),
    sessionPolicy: annotated(annotationKeys.sessionPolicy),
    terminating: metadata.deletionTimestamp !== null,
  };
}

function text(annotations: Record<string, unknown>, key: string): string | null {
  const value = Object.hasOwn(annotations, key) ? annotations[key] : null;
  return typeof value === "string" ? value : null;
}

function addresses({ podIPs, podIP }: PodObject["status"]): readonly string[] {
  const written = [...podIPs.map((entry) => entry.ip), podIP];
  return canonicalAddresses(written.filter((ip) => ip !== null));
}

function keyAt(object: unknown, field: "uid" | "name"): string | null {
  const value = (object as { metadata?: Record<string, unknown> } | null)?.metadata?.[field];
  return typeof value === "string" && value !== "" ? value : null;
}

function unreadable<T>(kind: string, object: unknown, key: string | null): Picked<T> {
  const named = keyAt(object, "name") ?? "without a name";
  return {
    key,
    problem: `${kind} ${named}: uid, namespace or name is missing, or it is no ${kind}`,
  };
}

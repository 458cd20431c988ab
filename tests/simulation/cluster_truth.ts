/**
 * What each pod should get according to what the API has reported, and since when: the oracle for
 * the checks. It knows the simulation's own shapes of roles and namespaces, and none of the product's
 * rules.
 */
import type { ApiObject } from "./simulated_api.ts";

/** The server's own role, which no pod may have whatever its namespace permits. */
export const ownRole = "rolecall-server";

/** A namespace, as scenarios change it. */
export interface NamespaceState {
  readonly name: string;
  permits: readonly string[];
  externalId: string | null;
  trustRole: string | null;
}

export interface PodState {
  readonly uid: string;
  readonly name: string;
  readonly namespace: string;
  readonly account: string;
  readonly node: string;
  role: string | null;
  readonly createdAt: string;
}

interface Expected {
  /** The simulation's time. */
  readonly since: number;
  /** `gone`, `denied`, `none`, or what STS is to be sent, as `described` writes it. */
  readonly what: string;
}

export class ClusterTruth {
  readonly #expected = new Map<string, Expected[]>();

  /** What the pod should get has changed. */
  expect(uid: string, what: string, at: number): void {
    const history = this.#expected.get(uid) ?? [];
    this.#expected.set(uid, history);
    if (history.at(-1)?.what !== what) history.push({ since: at, what });
  }

  now(uid: string): Expected | undefined {
    return this.#expected.get(uid)?.at(-1);
  }

  /** Everything that was right at some time from `from` on. */
  since(uid: string, from: number): ReadonlySet<string> {
    const history = this.#expected.get(uid) ?? [];
    const right = history.filter((_, at) => (history[at + 1]?.since ?? Infinity) > from);
    return new Set(right.map(({ what }) => what));
  }
}

export const durationSeconds = 900;
/** What trust roles are assumed for. */
const chainedSeconds = 3600;

/** What a pod should get. */
export function expectedOf(pod: PodState, namespace: NamespaceState): string {
  if (pod.role === null) return "none";
  if (pod.role === ownRole || !namespace.permits.includes(pod.role)) return "denied";
  const { externalId, trustRole } = namespace;
  const tags = `kubernetes-namespace=${pod.namespace},kubernetes-service-account=${pod.account}`;
  const session = `${pod.namespace}.${pod.account}`;
  const own = line(pod.role, session, externalId, durationSeconds, tags);
  if (trustRole === null) return own;
  return `${own} by ${
    line(trustRole, `rolecall.${pod.namespace}`, externalId, chainedSeconds, "")
  }`;
}

function line(
  role: string,
  session: string,
  externalId: string | null,
  seconds: number,
  tags: string,
): string {
  return `${role} ${session} external-id=${externalId ?? "none"} ${seconds}s ` +
    `tags=${tags} policies=`;
}

export function podObject(pod: PodState): ApiObject {
  return {
    kind: "Pod",
    metadata: {
      uid: pod.uid,
      namespace: pod.namespace,
      name: pod.name,
      creationTimestamp: pod.createdAt,
      annotations: pod.role === null ? {} : { "iam.amazonaws.com/role": pod.role },
    },
    spec: { nodeName: pod.node, serviceAccountName: pod.account },
    status: { phase: "Pending" },
  };
}

export function namespaceObject({ name, permits, externalId, trustRole }: NamespaceState) {
  const arn = (role: string) => `arn:aws:iam::111122223333:role/${role}`;
  return {
    kind: "Namespace",
    metadata: {
      name,
      annotations: {
        "iam.amazonaws.com/permitted": permits.map(arn).join("|"),
        ...externalId !== null && { "iam.amazonaws.com/external-id": externalId },
        ...trustRole !== null && { "iam.amazonaws.com/assume-role": arn(trustRole) },
      },
    },
  };
}

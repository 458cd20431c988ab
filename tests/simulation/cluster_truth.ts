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
  readonly permits: readonly string[];
  readonly externalId: string | null;
  readonly trustRole: string | null;
}

export interface PodState {
  readonly uid: string;
  readonly name: string;
  readonly namespace: string;
  readonly account: string;
  readonly node: string;
  readonly role: string | null;
  readonly createdAt: string;
}

/** States in the order in which the API reported them; the simulation's time. */
type History<T> = { readonly since: number; readonly state: T }[];

/** What a pod should get: `gone`, `denied`, `none`, or what STS is to be sent, as `described` says. */
export class ClusterTruth {
  readonly #namespaces = new Map<string, History<NamespaceState>>();
  /** null: the pod is gone. */
  readonly #pods = new Map<string, History<PodState | null>>();

  namespace(state: NamespaceState, at: number): void {
    add(this.#namespaces, state.name, { since: at, state });
  }

  pod(uid: string, state: PodState | null, at: number): void {
    add(this.#pods, uid, { since: at, state });
  }

  /** What is right now, and since when at the latest. */
  now(uid: string): { readonly what: string; readonly since: number } | undefined {
    const pod = this.#pods.get(uid)?.at(-1);
    if (pod === undefined) return undefined;
    if (pod.state === null) return { what: "gone", since: pod.since };
    const namespace = this.#namespaces.get(pod.state.namespace)!.at(-1)!;
    return {
      what: expectedOf(pod.state, namespace.state),
      since: Math.max(pod.since, namespace.since),
    };
  }

  /**
   * Everything that was right with a state from `from` on. Pods and namespaces are watched apart, so
   * that a server may see a new pod beside an old namespace.
   */
  since(uid: string, from: number): ReadonlySet<string> {
    const right = new Set<string>();
    for (const pod of statesSince(this.#pods.get(uid) ?? [], from)) {
      if (pod === null) continue;
      for (const state of statesSince(this.#namespaces.get(pod.namespace) ?? [], from)) {
        right.add(expectedOf(pod, state));
      }
    }
    return right;
  }
}

function add<T>(histories: Map<string, History<T>>, key: string, entry: History<T>[number]): void {
  const history = histories.get(key) ?? [];
  histories.set(key, history);
  history.push(entry);
}

function statesSince<T>(history: History<T>, from: number): readonly T[] {
  return history.filter((_, at) => (history[at + 1]?.since ?? Infinity) > from)
    .map(({ state }) => state);
}

export const durationSeconds = 900;
/** What trust roles are assumed for. */
const chainedSeconds = 3600;

/** What a pod should get. */
function expectedOf(pod: PodState, namespace: NamespaceState): string {
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

/**
 * What each pod should get according to what the API has reported, and since when: the oracle for
 * the checks. It knows the simulation's own shapes of roles and namespaces, and none of the product's
 * rules.
 */
import type { Sessions } from "./scenario.ts";
import type { ApiObject } from "./simulated_api.ts";

/** The server's own role, which no pod may have whatever its namespace permits. */
export const ownRole = "rolecall-server";

/** Annotations by their key, without `iam.amazonaws.com/`. */
export type Annotations = Readonly<Record<string, string>>;

/** A namespace, as scenarios change it. */
export interface NamespaceState {
  readonly name: string;
  readonly permits: readonly string[];
  readonly externalId: string | null;
  readonly trustRole: string | null;
  /** `default-role`, `session-policy-arns`, `session-policy`, `assume-with` and `imdsv2`. */
  readonly annotations: Annotations;
  /** Being deleted, with everything in it. */
  readonly ending: boolean;
}

/** A pod has an address, one of each family, or the node's network. */
export type PodNetwork = "one-address" | "dual-stack" | "host-network";

export interface PodState {
  readonly uid: string;
  readonly name: string;
  readonly namespace: string;
  readonly account: string;
  readonly node: string;
  readonly network: PodNetwork;
  readonly role: string | null;
  readonly createdAt: string;
  /** `session-name`, `session-duration` and `session-policy-arns`. */
  readonly annotations: Annotations;
  /** Its containers have ended for good. */
  readonly completed: boolean;
}

/** States in the order in which the API reported them; the simulation's time. */
type History<T> = { readonly since: number; readonly state: T }[];

/**
 * What a pod should get: `gone`, `ending` (whatever it had, or nothing), `denied:REASON`, `none`, or
 * what STS is to be sent, as `described` says.
 */
export class ClusterTruth {
  readonly #sessions: Sessions;
  /** null: the namespace is gone. */
  readonly #namespaces = new Map<string, History<NamespaceState | null>>();
  /** By `NAMESPACE/NAME`: `role` and `session-policy-arns`. */
  readonly #accounts = new Map<string, History<Annotations>>();
  /** null: the pod is gone. */
  readonly #pods = new Map<string, History<PodState | null>>();

  constructor(sessions: Sessions) {
    this.#sessions = sessions;
  }

  namespace(name: string, state: NamespaceState | null, at: number): void {
    add(this.#namespaces, name, { since: at, state });
  }

  account(key: string, annotations: Annotations, at: number): void {
    add(this.#accounts, key, { since: at, state: annotations });
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
    const account = this.#accounts.get(accountKey(pod.state))!.at(-1)!;
    return {
      what: namespace.state?.ending ?? true
        ? "ending"
        : this.#expected(pod.state, namespace.state!, account.state),
      since: Math.max(pod.since, namespace.since, account.since),
    };
  }

  /**
   * Everything that was right with a state from `from` on. Pods, namespaces and ServiceAccounts are
   * watched apart, so that a server may see a new pod beside an old namespace.
   */
  since(uid: string, from: number): { has(what: string): boolean } {
    return { has: (what) => this.#rightSince(uid, from).some((right) => right === what) };
  }

  /** The latest first: that is nearly always it, and histories are long. */
  *#rightSince(uid: string, from: number): Generator<string> {
    for (const pod of statesSince(this.#pods.get(uid) ?? [], from)) {
      if (pod === null) continue;
      for (const state of statesSince(this.#namespaces.get(pod.namespace) ?? [], from)) {
        if (state === null) continue;
        const accounts = this.#accounts.get(accountKey(pod)) ?? [];
        for (const account of statesSince(accounts, from)) {
          yield this.#expected(pod, state, account);
        }
      }
    }
  }

  /** Whether the namespace requires session tokens: everything that it has said from `from` on. */
  requiresSession(namespace: string, from: number): ReadonlySet<boolean> {
    const states = statesSince(this.#namespaces.get(namespace) ?? [], from);
    return new Set(states.map((state) => state?.annotations["imdsv2"] === "required"));
  }

  /** What alone has been right since `from`; null if it has changed, or the pod is newer. */
  steady(uid: string, from: number): string | null {
    const created = this.#pods.get(uid)?.[0]?.since ?? Infinity;
    const right = [...new Set(this.#rightSince(uid, from))];
    return created <= from && right.length === 1 ? right[0]! : null;
  }

  /** What a pod should get. */
  #expected(pod: PodState, namespace: NamespaceState, account: Annotations): string {
    if (pod.completed) return "gone";
    const role = pod.role ?? account["role"] ?? namespace.annotations["default-role"];
    if (role === undefined) return "none";
    if (role === ownRole) return "denied:RoleReserved";
    if (namespace.permits.length === 0) return "denied:PermittedEmpty";
    if (!namespace.permits.includes(role)) return "denied:NotPermitted";
    const { externalId, trustRole } = namespace;
    const { "session-name": name, "session-duration": duration } = pod.annotations;
    const policies = [namespace.annotations, account, pod.annotations]
      .flatMap(({ "session-policy-arns": arns }) => arns === undefined ? [] : [policyArn(arns)]);
    const session = {
      role,
      sessionName: name ?? `${pod.namespace}.${pod.account}`,
      externalId,
      seconds: duration === undefined ? durationSeconds : 60 * Number.parseInt(duration),
      policies: [...new Set(policies)].toSorted(),
      policy: namespace.annotations["session-policy"] ?? null,
    };
    if (namespace.annotations["assume-with"] === "service-account") {
      const sendsMore = externalId !== null || trustRole !== null || this.#sessions !== "plain";
      return sendsMore
        ? "denied:AssumeWithConflict"
        : described({ ...session, account: accountKey(pod) });
    }
    return described({
      ...session,
      ...labelsOf(pod, this.#sessions),
      by: trustRole === null ? null : described({
        role: trustRole,
        sessionName: `rolecall.${pod.namespace}`,
        externalId,
        seconds: chainedSeconds,
      }),
    });
  }
}

function add<T>(histories: Map<string, History<T>>, key: string, entry: History<T>[number]): void {
  const history = histories.get(key) ?? [];
  histories.set(key, history);
  history.push(entry);
}

/** From the latest back to the one that held at `from`. */
function* statesSince<T>(history: History<T>, from: number): Generator<T> {
  for (let at = history.length - 1; at >= 0; at--) {
    const { since, state } = history[at]!;
    yield state;
    if (since <= from) return;
  }
}

export function accountKey({ namespace, account }: PodState): string {
  return `${namespace}/${account}`;
}

/** The servers' `--session-duration`, for pods that ask for no shorter one. */
export const durationSeconds = 960;
/** What trust roles are assumed for. */
const chainedSeconds = 3600;

/** What the servers' flags add to a session. */
function labelsOf({ namespace, account }: PodState, sessions: Sessions): Partial<Session> {
  if (sessions === "source-identity") return { sourceIdentity: `${namespace}.${account}` };
  if (sessions === "plain") return {};
  return {
    tags: [`kubernetes-namespace=${namespace}`, `kubernetes-service-account=${account}`],
    transitiveTags: ["kubernetes-namespace"],
  };
}

interface Session {
  readonly role: string;
  readonly sessionName: string;
  readonly externalId: string | null;
  readonly seconds: number;
  readonly tags?: readonly string[];
  readonly transitiveTags?: readonly string[];
  readonly policies?: readonly string[];
  readonly policy?: string | null;
  readonly sourceIdentity?: string | null;
  /** With whose token it is assumed: `NAMESPACE/ACCOUNT`. */
  readonly account?: string | null;
  /** The session with whose credentials it is assumed. */
  readonly by?: string | null;
}

/** Everything that is sent to STS, in one line. */
export function described(session: Session): string {
  const { tags = [], transitiveTags = [], policies = [], policy = null } = session;
  const { sourceIdentity = null, account = null, by = null } = session;
  return [
    session.role,
    session.sessionName,
    `${session.seconds}s`,
    ...tags.length > 0 ? [`tags=${tags.join(",")}`] : [],
    ...transitiveTags.length > 0 ? [`transitive=${transitiveTags.join(",")}`] : [],
    ...session.externalId === null ? [] : [`external-id=${session.externalId}`],
    ...policies.length > 0 ? [`policies=${policies.join(",")}`] : [],
    ...policy === null ? [] : [`policy=${policy}`],
    ...sourceIdentity === null ? [] : [`source-identity=${sourceIdentity}`],
    ...account === null ? [] : [`token-of=${account}`],
    ...by === null ? [] : [`by ${by}`],
  ].join(" ");
}

export function podObject(pod: PodState): ApiObject {
  return {
    kind: "Pod",
    metadata: {
      uid: pod.uid,
      namespace: pod.namespace,
      name: pod.name,
      creationTimestamp: pod.createdAt,
      annotations: annotated(pod.annotations, { role: pod.role }),
    },
    spec: {
      nodeName: pod.node,
      serviceAccountName: pod.account,
      ...pod.network === "host-network" && { hostNetwork: true },
    },
    status: { phase: "Pending" },
  };
}

export function namespaceObject(namespace: NamespaceState): ApiObject {
  const { name, permits, externalId, trustRole, annotations, ending } = namespace;
  return {
    kind: "Namespace",
    metadata: {
      name,
      annotations: annotated(annotations, {
        permitted: permits.map(roleArn).join("|"),
        "external-id": externalId,
        "assume-role": trustRole === null ? null : roleArn(trustRole),
      }),
      ...ending && { deletionTimestamp: "2026-01-01T00:00:00Z" },
    },
  };
}

export function accountObject(key: string, annotations: Annotations): ApiObject {
  const [namespace = "", name = ""] = key.split("/");
  return {
    kind: "ServiceAccount",
    metadata: { namespace, name, annotations: annotated(annotations, {}) },
  };
}

function annotated(annotations: Annotations, others: Readonly<Record<string, string | null>>) {
  const written = Object.entries({ ...annotations, ...others })
    .filter((entry): entry is [string, string] => entry[1] !== null)
    .map(([key, value]) => [
      `iam.amazonaws.com/${key}`,
      key === "session-policy-arns" ? policyArn(value) : value,
    ]);
  return Object.fromEntries(written);
}

function roleArn(role: string): string {
  return `arn:aws:iam::111122223333:role/${role}`;
}

function policyArn(name: string): string {
  return `arn:aws:iam::111122223333:policy/${name}`;
}

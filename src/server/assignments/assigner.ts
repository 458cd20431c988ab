/**
 * Maintains the assignment of every pod on nodes whose agents are connected here: decides, holds the
 * role's credentials, and notifies the node's followers. Other nodes cost nothing, because another
 * replica serves them.
 */
import type { Policy } from "../../policy/decide.ts";
import type { PodFacts } from "../../policy/facts.ts";
import type { RequestedRole } from "../../policy/requested_role.ts";
import { identityKey } from "../../policy/role_identity.ts";
import { assignFrame, type Assignment, sameAssignment } from "./assignment_frame.ts";
import type { ClusterIndex } from "../cluster/cluster_index.ts";
import { sameRequest } from "../cluster/pod_facts.ts";
import type { Clock } from "../../time/clock.ts";
import type { CredentialCache } from "../credentials/credential_cache.ts";
import type { AssignFrame } from "../../protocol/frames.ts";

type Decider = Pick<Policy, "decide" | "requestedRole">;

interface AssignerOptions {
  readonly index: ClusterIndex;
  readonly cache: Pick<CredentialCache, "hold" | "release" | "state" | "retry" | "subscribe">;
  readonly policy: Decider;
  readonly clock: Clock;
  /** How long a node's credentials are kept after its last stream, for a reconnect. */
  readonly nodeGraceMs: number;
  /** An assignment is new or has changed; for Events and the audit log. */
  readonly assigned: (now: Assignment, before: Assignment | undefined) => void;
}

/** A follower's view of a node. */
export interface NodeAssignments {
  /** Every pod with an assignment. */
  uids(): readonly string[];
  /** Undefined if the pod has no assignment, or no longer. */
  frame(uid: string): AssignFrame | undefined;
  detach(): void;
}

interface Node {
  readonly assignments: Map<string, Assignment>;
  readonly followers: Set<(uid: string) => void>;
  cancelRelease: () => void;
}

export class Assigner {
  readonly #options: AssignerOptions;
  #policy: Decider;
  readonly #nodes = new Map<string, Node>();
  /** The pods that hold an identity, by key: UID to node. */
  readonly #holders = new Map<string, Map<string, string>>();

  constructor(options: AssignerOptions) {
    this.#options = options;
    this.#policy = options.policy;
    options.index.subscribe({
      podChanged: (now, before) => this.#podChanged(now, before),
      namespaceChanged: (name) => this.#redecide((pod) => pod.namespace === name),
      serviceAccountChanged: (namespace, name) =>
        this.#redecide((pod) => pod.namespace === namespace && pod.serviceAccount === name),
      synced: () => this.#assignAll(),
    });
    options.cache.subscribe((key) => this.#credentialsChanged(key));
  }

  /** Follows a node: calls `changed` with each UID whose assignment changes. */
  attach(nodeName: string, changed: (uid: string) => void): NodeAssignments {
    const node = this.#nodes.get(nodeName) ?? this.#open(nodeName);
    node.cancelRelease();
    node.followers.add(changed);
    return {
      uids: () => [...node.assignments.keys()],
      frame: (uid) => {
        const assignment = node.assignments.get(uid);
        return assignment && assignFrame(assignment, this.#options.clock.now());
      },
      detach: () => this.#detach(nodeName, node, changed),
    };
  }

  /** The frame for a pod just read from the API, which may be ahead of the index. */
  frameFor(pod: PodFacts): AssignFrame {
    return assignFrame(this.#decide(pod), this.#options.clock.now());
  }

  /** The current assignment of any pod, whether or not its node is followed; for the summary. */
  assignmentOf(pod: PodFacts): Assignment {
    return this.#nodes.get(pod.nodeName ?? "")?.assignments.get(pod.uid) ?? this.#decide(pod);
  }

  requestOf(pod: PodFacts): RequestedRole {
    const { index } = this.#options;
    const account = index.serviceAccount(pod.namespace, pod.serviceAccount);
    return this.#policy.requestedRole(pod, index.namespace(pod.namespace), account);
  }

  /** The assignments of all followed nodes. */
  *held(): Iterable<Assignment> {
    for (const node of this.#nodes.values()) yield* node.assignments.values();
  }

  /** Decides everything again with new settings, such as the server's own AWS identity. */
  setPolicy(policy: Decider): void {
    this.#policy = policy;
    this.#redecide(() => true, false);
  }

  #open(nodeName: string): Node {
    const node = { assignments: new Map(), followers: new Set<never>(), cancelRelease: () => {} };
    this.#nodes.set(nodeName, node);
    for (const pod of this.#options.index.podsOn(nodeName)) this.#assign(pod, false);
    return node;
  }

  #detach(nodeName: string, node: Node, changed: (uid: string) => void): void {
    if (!node.followers.delete(changed) || node.followers.size > 0) return;
    node.cancelRelease = this.#options.clock.after(this.#options.nodeGraceMs, () => {
      for (const assignment of node.assignments.values()) this.#release(assignment);
      this.#nodes.delete(nodeName);
    });
  }

  #assignAll(): void {
    for (const nodeName of this.#nodes.keys()) {
      for (const pod of this.#options.index.podsOn(nodeName)) this.#assign(pod, false);
    }
  }

  #podChanged(now: PodFacts | undefined, before: PodFacts | undefined): void {
    const movedOrGone = now === undefined || now.terminal || now.nodeName !== before?.nodeName;
    if (before !== undefined && movedOrGone) this.#revoke(before);
    if (now !== undefined) this.#assign(now, before === undefined || !sameRequest(now, before));
  }

  #credentialsChanged(key: string): void {
    for (const [uid, nodeName] of [...this.#holders.get(key) ?? []]) {
      const before = this.#nodes.get(nodeName)?.assignments.get(uid);
      if (before?.key !== key) continue;
      this.#put(nodeName, { ...before, credentials: this.#options.cache.state(key) });
    }
  }

  #redecide(concerns: (pod: PodFacts) => boolean, mayKeep = true): void {
    const concerned = [...this.held()].map((assignment) => assignment.pod).filter(concerns);
    for (const pod of concerned) this.#assign(pod, true, mayKeep);
  }

  #assign(pod: PodFacts, retry: boolean, mayKeep = true): void {
    const { index, cache } = this.#options;
    const node = this.#nodes.get(pod.nodeName ?? "");
    if (!index.synced || node === undefined || pod.terminal) return;
    const before = node.assignments.get(pod.uid);
    const kept = mayKeep && before !== undefined && sameRequest(before.pod, pod) &&
      this.#isOrphaned(pod);
    const decided = kept ? { ...before, pod } : this.#decide(pod);
    this.#hold(decided);
    if (before !== undefined && before.key !== decided.key) this.#release(before);
    if (decided.key === null) return this.#put(pod.nodeName!, decided);
    if (retry) cache.retry(decided.key);
    this.#put(pod.nodeName!, { ...decided, credentials: cache.state(decided.key) });
  }

  /**
   * Whether the pod's namespace is being deleted and what the decision needs is already gone: the API
   * server deletes a namespace's objects in any order. Until the pod is gone it keeps its assignment,
   * unless the policy itself changes: the role may have turned out to be the server's own.
   */
  #isOrphaned(pod: PodFacts): boolean {
    const { index } = this.#options;
    if (index.namespace(pod.namespace) === undefined) return true;
    return index.isEnding(pod.namespace) &&
      index.serviceAccount(pod.namespace, pod.serviceAccount) === undefined;
  }

  #decide(pod: PodFacts): Assignment {
    const { index, cache } = this.#options;
    const namespace = index.namespace(pod.namespace);
    const account = index.serviceAccount(pod.namespace, pod.serviceAccount);
    const decision = this.#policy.decide(pod, namespace, account);
    const key = decision.kind === "role" ? identityKey(decision.identity) : null;
    const held = key !== null && this.#holders.has(key);
    const credentials = key === null
      ? null
      : held
      ? cache.state(key)
      : { kind: "pending" as const };
    return { pod, imdsv2: namespace?.imdsv2 === "required", decision, key, credentials };
  }

  #put(nodeName: string, now: Assignment): void {
    const node = this.#nodes.get(nodeName);
    if (node === undefined) return;
    const before = node.assignments.get(now.pod.uid);
    node.assignments.set(now.pod.uid, now);
    const sameFrame = before !== undefined && sameAssignment(before, now);
    if (sameFrame && problemOf(before) === problemOf(now)) return;
    this.#options.assigned(now, before);
    if (sameFrame) return;
    for (const changed of node.followers) changed(now.pod.uid);
  }

  #revoke(pod: PodFacts): void {
    const node = this.#nodes.get(pod.nodeName ?? "");
    const assignment = node?.assignments.get(pod.uid);
    if (node === undefined || assignment === undefined) return;
    node.assignments.delete(pod.uid);
    this.#release(assignment);
    for (const changed of node.followers) changed(pod.uid);
  }

  #hold({ pod, decision, key }: Assignment): void {
    if (decision.kind !== "role" || key === null) return;
    const holders = this.#holders.get(key) ?? new Map<string, string>();
    if (holders.has(pod.uid)) return;
    this.#holders.set(key, holders.set(pod.uid, pod.nodeName!));
    this.#options.cache.hold(key, decision.identity, pod.uid, pod.namespace);
  }

  #release({ pod, key }: Assignment): void {
    const holders = this.#holders.get(key ?? "");
    if (key === null || holders === undefined || !holders.delete(pod.uid)) return;
    if (holders.size === 0) this.#holders.delete(key);
    this.#options.cache.release(key, pod.uid);
  }
}

/** Why STS has issued no credentials for a while; of interest to people, not to agents. */
function problemOf({ credentials }: Assignment): string | undefined {
  return credentials?.kind === "pending" ? credentials.problem : undefined;
}

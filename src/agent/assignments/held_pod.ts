/** Applies an assign frame to the pod that the agent holds. Pure. */
import type { AssignFrame } from "../../protocol/frames.ts";
import type { AssignedPod, Clock, ReadyRole } from "../ports.ts";
import { canonicalAddresses } from "../../net/ip_address.ts";
import { containerDocument, credentialsDocument } from "../documents/credentials_documents.ts";

export interface HeldPod {
  readonly pod: AssignedPod;
  /** Canonical; empty for a pod on the host network, which is never found by address. */
  readonly ips: readonly string[];
  /** The API shows its addresses, or that it has none of its own: it can have no other. */
  readonly addressed: boolean;
  /** Being deleted. */
  readonly terminating: boolean;
  /** As Kubernetes writes it; empty from servers that don't send it. */
  readonly createdAt: string;
  readonly hostNetwork: boolean;
  /** The config hash of a static pod, by which its cgroup is named. */
  readonly configHash: string | undefined;
  /** The role identity that the credentials belong to; null without a role. */
  readonly identity: string | null;
  /** When its credentials expire, by the monotonic clock; Infinity without any. */
  readonly endsAt: number;
}

type Now = Pick<Clock, "now" | "monotonic">;

/**
 * The pod after `frame`. A role without credentials keeps those held for the same uid and identity;
 * a denial, no role or another identity drops them.
 */
export function holdPod(before: HeldPod | undefined, frame: AssignFrame, clock: Now): HeldPod {
  const { uid, namespace, name, imdsv2 } = frame.pod;
  const outcome = outcomeOf(before, frame);
  return {
    pod: { uid, namespace, name, imdsv2Required: imdsv2, outcome },
    ips: addressesOf(frame),
    terminating: frame.pod.terminating ?? false,
    createdAt: frame.pod.createdAt ?? "",
    addressed: frame.pod.hostNetwork || frame.pod.ips.length > 0,
    hostNetwork: frame.pod.hostNetwork,
    configHash: frame.pod.configHash,
    identity: frame.role?.identity ?? null,
    endsAt: endOf(before?.pod.uid === uid ? before : undefined, { outcome, frame, clock }),
  };
}

/**
 * The pod as it is now: credentials that have expired by either clock are pending. The wall clock may
 * be set back, and the monotonic clock stops while a machine is suspended.
 */
export function podAt(held: HeldPod, clock: Now): AssignedPod {
  const { outcome } = held.pod;
  if (outcome.kind !== "ready") return held.pod;
  if (outcome.role.expiresAt > clock.now() && held.endsAt > clock.monotonic()) return held.pod;
  return { ...held.pod, outcome: { kind: "pending", name: outcome.role.name } };
}

/**
 * The server says how long they are valid, since this node's clock may be wrong. Credentials that
 * are sent again keep their end: either clock may have become wrong since.
 */
function endOf(
  before: HeldPod | undefined,
  { outcome, frame, clock }: {
    readonly outcome: AssignedPod["outcome"];
    readonly frame: AssignFrame;
    readonly clock: Now;
  },
): number {
  if (outcome.kind !== "ready") return Infinity;
  const { expiresAt } = outcome.role;
  const held = before?.pod.outcome;
  if (held?.kind === "ready" && held.role.expiresAt === expiresAt) return before!.endsAt;
  const left = frame.role?.credentials?.leftSeconds;
  return clock.monotonic() + (left === undefined ? expiresAt - clock.now() : left * 1000);
}

function addressesOf(frame: AssignFrame): readonly string[] {
  return frame.pod.hostNetwork ? [] : canonicalAddresses(frame.pod.ips);
}

function outcomeOf(before: HeldPod | undefined, frame: AssignFrame): AssignedPod["outcome"] {
  if (frame.denied) return { kind: "denied", ...frame.denied };
  if (!frame.role) return { kind: "none" };
  const { arn, name, requested, credentials } = frame.role;
  if (!credentials) {
    const held = heldRole(before, frame.pod.uid, frame.role.identity);
    return held
      ? { kind: "ready", role: { ...held, arn, name, requested } }
      : { kind: "pending", name };
  }
  const role = {
    arn,
    name,
    requested,
    document: credentialsDocument(credentials),
    containerDocument: containerDocument(credentials, arn),
    lastUpdated: credentials.lastUpdated,
    expiresAt: Date.parse(credentials.expiration),
  };
  return { kind: "ready", role };
}

function heldRole(
  before: HeldPod | undefined,
  uid: string,
  identity: string,
): ReadyRole | undefined {
  if (before?.pod.uid !== uid || before.identity !== identity) return undefined;
  return before.pod.outcome.kind === "ready" ? before.pod.outcome.role : undefined;
}

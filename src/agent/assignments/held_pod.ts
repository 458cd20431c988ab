/** Applies an assign frame to the pod that the agent holds. Pure. */
import type { AssignFrame } from "../../protocol/frames.ts";
import type { AssignedPod, ReadyRole } from "../ports.ts";
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
}

/**
 * The pod after `frame`. A role without credentials keeps those held for the same uid and identity;
 * a denial, no role or another identity drops them.
 */
export function holdPod(before: HeldPod | undefined, frame: AssignFrame): HeldPod {
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
  };
}

/** The pod as it is at `now`: expired credentials are pending. */
export function podAt(held: HeldPod, now: number): AssignedPod {
  const { outcome } = held.pod;
  if (outcome.kind !== "ready" || outcome.role.expiresAt > now) return held.pod;
  return { ...held.pod, outcome: { kind: "pending", name: outcome.role.name } };
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

/** The interfaces between the agent's modules, and those it needs from adapters. */

import type { ConnectionEnds, Reply } from "../net/http_messages.ts";

export type { FollowProgram, ProgramResult, RunProgram } from "../runtime/runtime.ts";
export type { Log } from "../telemetry/log.ts";
export type { Clock } from "../time/clock.ts";

/** A role with its credentials; its documents are built once per renewal, not per request. */
export interface ReadyRole {
  readonly arn: string;
  /** The name in the role list: without path. */
  readonly name: string;
  /** The annotation's text, by which the role may be requested, too. */
  readonly requested: string;
  /** The body of the credentials document, as EC2 writes it. */
  readonly document: Uint8Array;
  /** The body of the container credentials answer. */
  readonly containerDocument: Uint8Array;
  /** `LastUpdated` of the document. */
  readonly lastUpdated: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

/** What the server has decided for a pod on this node. */
export interface AssignedPod {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  readonly imdsv2Required: boolean;
  readonly outcome:
    | { readonly kind: "none" }
    | { readonly kind: "denied"; readonly reason: string; readonly message: string }
    | { readonly kind: "pending"; readonly name: string }
    | { readonly kind: "ready"; readonly role: ReadyRole };
}

/** `stale`: the pod is known, but no server has confirmed it for too long. */
export type PodLookup =
  | { readonly kind: "pod"; readonly pod: AssignedPod }
  | { readonly kind: "unknown" }
  | { readonly kind: "conflict" }
  | { readonly kind: "stale" };

/**
 * Which pod is calling. `unproven`: the kernel shows no pod behind the connection; `unavailable`: the
 * container runtime, which alone decides, doesn't answer; `mismatch`: it names a pod for which the
 * API shows other addresses.
 */
export type CallerLookup = PodLookup | {
  readonly kind: "unproven" | "unavailable" | "mismatch";
};

/** Finds the pod behind a connection. */
export interface FindCaller {
  /** Immediately, from memory. Expired credentials are `pending`. */
  find(connection: ConnectionEnds): CallerLookup;
  /**
   * Waits at most `ms` until the pod is known and its role is no longer pending, and starts a direct
   * read by the server if the address is unknown. Returns what is known then.
   */
  waitFor(connection: ConnectionEnds, ms: number, signal: AbortSignal): Promise<CallerLookup>;
  /** The UID of the pod last known there: to bind a session token to, never to answer by. */
  lastKnown(connection: ConnectionEnds): string | undefined;
  /** Settles once the pod is identified, or soon; undefined if there is nothing to wait for. */
  identified(connection: ConnectionEnds): Promise<void> | undefined;
}

/** Finds pods by UID, including those on the host network. */
export interface PodsByUid {
  /** Immediately, from memory. Expired credentials are `pending`. */
  findUid(uid: string): PodLookup;
  /** Waits until the pod is known and its role no longer pending, at most `ms`. */
  waitForUid(uid: string, ms: number, signal: AbortSignal): Promise<PodLookup>;
}

/** A GET or HEAD of a canonical path at the real service. */
export type Upstream = (
  request: {
    readonly method: string;
    readonly path: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly signal: AbortSignal;
  },
) => Promise<Reply>;

/** `pod`: its UID, or a static pod's config hash. */
export type KernelProof =
  | { readonly kind: "proven"; readonly pod: string }
  | { readonly kind: "unproven"; readonly reason: "no_socket" | "unreadable" | "limited" };

/** The socket tables of the node's pods. */
export interface Kernel {
  /** The pod behind a connection; once per connection. `expected` is looked at first. */
  prove(connection: ConnectionEnds, expected?: string): Promise<KernelProof>;
  /** Whether the pod has processes on this node, as of the last `refresh`. */
  runs(pod: string): boolean;
  refresh(): Promise<void>;
  /** How many pods have a process with the capability, by its number (capability.h). */
  podsWith(capability: number): Promise<number>;
  status(): { readonly pods: number; readonly problem: string | null };
}

/** A pod's sandbox that is READY: its network is set up and its containers may run. */
export interface Sandbox {
  readonly id: string;
  readonly podUid: string;
  /** The name of its RuntimeClass's handler; empty for the default. */
  readonly runtimeHandler: string;
}

/** The node's container runtime; its calls reject if it doesn't answer in time. */
export interface ContainerRuntime {
  readySandboxes(): Promise<readonly Sandbox[]>;
  /** Null if the sandbox has none yet. */
  addresses(sandboxId: string): Promise<readonly string[] | null>;
  close(): void;
}

/** What the agent's parts need of each other and of the world; `main.ts` joins them. */

import type { Reply } from "./http/messages.ts";

export type { Clock } from "../time/clock.ts";

export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** A role whose credentials are here; its documents are made once per renewal, not per request. */
export interface ReadyRole {
  readonly arn: string;
  /** The name listed: without path. */
  readonly name: string;
  /** The annotation's text, which also may be asked for. */
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

/** What the agent knows of a pod on this node. */
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

/** Which pod asks. `unconfirmed`: known, but no word from a server for too long. */
export type PodLookup =
  | { readonly kind: "pod"; readonly pod: AssignedPod }
  | { readonly kind: "unknown" }
  | { readonly kind: "conflict" }
  | { readonly kind: "stale" };

/**
 * Who stands behind an address. `unheard`: the container runtime, which alone says whose it is, gave
 * no word; `disputed`: it names a pod that has other addresses by the API.
 */
export type AddressLookup = PodLookup | { readonly kind: "unavailable" } | {
  readonly kind: "mismatch";
};

export interface PodsByAddress {
  /** At once, from memory. Expired credentials are `pending`. */
  find(ip: string): AddressLookup;
  /**
   * Waits until the address has a pod whose role is no longer pending, at most `ms`, and starts a
   * direct read by the server where the address is unknown. Gives what is known then.
   */
  waitFor(ip: string, ms: number, signal: AbortSignal): Promise<AddressLookup>;
  /** The UID of the pod last known there: to bind a session token to, never to answer by. */
  lastKnown(ip: string): string | undefined;
}

/** Pods found by UID, those on the node's network included. */
export interface PodsByUid {
  /** At once, from memory. Expired credentials are `pending`. */
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
) => Promise<Response | Reply>;

/** A pod's sandbox whose network stands and whose containers may run. */
export interface Sandbox {
  readonly id: string;
  readonly podUid: string;
}

/** The node's container runtime; its calls reject where it gives no answer in time. */
export interface ContainerRuntime {
  readySandboxes(): Promise<readonly Sandbox[]>;
  /** Null where the sandbox has none yet. */
  addresses(sandboxId: string): Promise<readonly string[] | null>;
  close(): void;
}

export interface ProgramResult {
  /** 127 if the program isn't there. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program without a shell. */
export type RunProgram = (
  command: string,
  args: readonly string[],
  options?: { readonly stdin?: string; readonly timeoutMs?: number },
) => Promise<ProgramResult>;

/** Calls `output` whenever a program prints something; settles when it ends or `signal` aborts. */
export type FollowProgram = (
  command: string,
  args: readonly string[],
  output: () => void,
  signal: AbortSignal,
) => Promise<void>;

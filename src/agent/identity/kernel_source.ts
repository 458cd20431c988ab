/**
 * Identity by the kernel: the pod whose network namespace has the socket at the other end of the
 * connection. It holds however old the server's last frame is. Sandboxes whose sockets aren't the
 * host kernel's (gVisor, Kata) are identified by the container runtime, and only those.
 */
import type { Assignments } from "../assignments/assignments.ts";
import type { ConnectionEnds } from "../../net/http_messages.ts";
import type { CallerLookup, Clock, Kernel } from "../ports.ts";
import type { IdentitySource } from "./callers.ts";
import type { ConnectionProofs } from "./connection_proofs.ts";
import type { DirectReads } from "./direct_reads.ts";

/** How old a read of the processes may be to show that a pod runs. */
const recentMs = 1000;

interface KernelSourceOptions {
  readonly clock: Clock;
  readonly kernel: () => Kernel | null;
  readonly proofs: ConnectionProofs;
  readonly assignments: Assignments;
  readonly reads: DirectReads;
  /** Identifies the sandboxes of `--runtime-handlers`; null without any. */
  readonly sandboxed: IdentitySource | null;
}

export class KernelSource implements IdentitySource {
  readonly #options: KernelSourceOptions;
  readonly #listeners: ((key: string | null) => void)[] = [];
  #refreshedAt = -Infinity;

  constructor(options: KernelSourceOptions) {
    this.#options = options;
    options.proofs.onResult((ip) => this.#notify(ip));
    options.sandboxed?.onChange((key) => this.#notify(key));
  }

  accepted(connection: ConnectionEnds): void {
    this.#options.proofs.find(connection);
  }

  find(connection: ConnectionEnds, at: number): CallerLookup {
    const { proofs, assignments, sandboxed } = this.#options;
    const proof = proofs.find(connection);
    if (proof === undefined) return { kind: "unknown" };
    if (proof.kind === "unproven") {
      return sandboxed ? sandboxed.find(connection, at) : { kind: "unproven" };
    }
    // A host-network pod has no network namespace of its own, only one that it made itself.
    if (assignments.isHostNetwork(proof.pod)) return { kind: "unproven" };
    const pod = assignments.pod(proof.pod);
    return pod ? { kind: "pod", pod } : { kind: "unknown" };
  }

  refresh(connection: ConnectionEnds, found: CallerLookup): void {
    const proof = this.#options.proofs.find(connection);
    if (proof?.kind === "unproven") this.#options.sandboxed?.refresh(connection, found);
    else if (proof !== undefined && found.kind === "unknown") {
      this.#options.reads.start(connection.peer);
    }
  }

  lastKnown(connection: ConnectionEnds): string | undefined {
    const { proofs, assignments } = this.#options;
    const proof = proofs.find(connection);
    if (proof?.kind === "proven") {
      return assignments.isHostNetwork(proof.pod) ? undefined : assignments.uidOf(proof.pod);
    }
    return proof && this.#options.sandboxed?.lastKnown(connection);
  }

  identified(connection: ConnectionEnds): Promise<unknown> | undefined {
    const { proofs } = this.#options;
    return proofs.find(connection) === undefined ? proofs.waitFor(connection) : undefined;
  }

  waitKey(connection: ConnectionEnds): string {
    return this.lastKnown(connection) ?? connection.peer;
  }

  runs(uid: string, at: number): boolean {
    return this.#isRecent(at) && (this.#options.kernel()?.runs(uid) ?? false);
  }

  refreshRunning(at: number): void {
    if (this.#isRecent(at)) return;
    const startedAt = this.#options.clock.monotonic();
    void this.#options.kernel()?.refresh().then(() => {
      this.#refreshedAt = startedAt;
      this.#notify(null);
    });
  }

  onChange(listener: (key: string | null) => void): void {
    this.#listeners.push(listener);
  }

  #isRecent(at: number): boolean {
    return this.#refreshedAt >= at - recentMs;
  }

  #notify(key: string | null): void {
    for (const listener of this.#listeners) listener(key);
  }
}

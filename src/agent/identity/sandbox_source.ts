/**
 * Identity by the container runtime: the pod whose READY sandbox has the peer's address, if the API
 * doesn't contradict. It holds however old the server's last frame is.
 */
import type { Assignments } from "../assignments/assignments.ts";
import type { ConnectionEnds } from "../../net/http_messages.ts";
import type { CallerLookup } from "../ports.ts";
import type { IdentitySource } from "./callers.ts";
import type { DirectReads } from "./direct_reads.ts";
import { recentMs, type SandboxOwners } from "./sandbox_owners.ts";

interface SandboxSourceOptions {
  readonly owners: SandboxOwners;
  readonly assignments: Assignments;
  readonly reads: DirectReads;
  /** The node's own addresses, which identify no pod. */
  readonly ownAddresses: ReadonlySet<string>;
}

export class SandboxSource implements IdentitySource {
  readonly #options: SandboxSourceOptions;

  constructor(options: SandboxSourceOptions) {
    this.#options = options;
  }

  accepted(): void {}

  identified(): undefined {}

  find({ peer }: ConnectionEnds, at: number): CallerLookup {
    const { owners, assignments, ownAddresses } = this.#options;
    const owner = owners.owner(peer, at - recentMs);
    if (owner.kind === "unavailable") return owner;
    if (owner.kind === "several") return { kind: "conflict" };
    if (owner.kind !== "pod" || ownAddresses.has(peer)) return { kind: "unknown" };
    const pod = assignments.pod(owner.uid);
    if (!pod) return { kind: "unknown" };
    return assignments.mayHave(owner.uid, peer) ? { kind: "pod", pod } : { kind: "mismatch" };
  }

  refresh({ peer }: ConnectionEnds, found: CallerLookup): void {
    if (found.kind !== "pod") this.#options.owners.refresh();
    if (found.kind === "unknown") this.#options.reads.start(peer);
  }

  lastKnown({ peer }: ConnectionEnds): string | undefined {
    return this.#options.owners.lastKnown(peer);
  }

  waitKey(connection: ConnectionEnds): string {
    return this.lastKnown(connection) ?? connection.peer;
  }

  runs(uid: string, at: number): boolean {
    return this.#options.owners.runs(uid, at - recentMs);
  }

  refreshRunning(): void {
    this.#options.owners.refresh();
  }

  onChange(listener: (key: null) => void): void {
    this.#options.owners.onChange(() => listener(null));
  }
}

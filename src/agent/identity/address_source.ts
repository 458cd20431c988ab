/** Identity by address alone: the pod whose status shows the peer's address. */
import type { Assignments } from "../assignments/assignments.ts";
import type { ConnectionEnds } from "../../net/http_messages.ts";
import type { CallerLookup } from "../ports.ts";
import type { IdentitySource } from "./callers.ts";
import type { ConnectionProofs } from "./connection_proofs.ts";
import type { DirectReads } from "./direct_reads.ts";

interface AddressSourceOptions {
  readonly assignments: Assignments;
  readonly reads: DirectReads;
  /** If set, what the kernel says is compared, without acting on it. */
  readonly proofs?: ConnectionProofs;
  /** Called when the kernel would have named another pod, or none. */
  readonly disagreed?: () => void;
}

export class AddressSource implements IdentitySource {
  readonly #options: AddressSourceOptions;
  readonly #compared = new WeakSet<ConnectionEnds>();

  constructor(options: AddressSourceOptions) {
    this.#options = options;
  }

  accepted(connection: ConnectionEnds): void {
    this.#options.proofs?.find(connection);
  }

  find(connection: ConnectionEnds): CallerLookup {
    const found = this.#options.assignments.lookUpAddress(connection.peer);
    if (found.kind === "pod") this.#compare(connection, found.pod.uid);
    return found;
  }

  refresh({ peer }: ConnectionEnds, found: CallerLookup): void {
    if (found.kind === "unknown") this.#options.reads.start(peer);
  }

  lastKnown({ peer }: ConnectionEnds): string | undefined {
    const found = this.#options.assignments.lookUpAddress(peer);
    return found.kind === "pod" ? found.pod.uid : undefined;
  }

  identified(): undefined {}

  waitKey({ peer }: ConnectionEnds): string {
    return peer;
  }

  runs(): boolean {
    return false;
  }

  refreshRunning(): void {}

  onChange(): void {}

  /** Once per connection; if the kernel couldn't read it, that is no disagreement. */
  #compare(connection: ConnectionEnds, uid: string): void {
    const { proofs, assignments, disagreed } = this.#options;
    if (!proofs || this.#compared.has(connection)) return;
    this.#compared.add(connection);
    void proofs.waitFor(connection).then((proof) => {
      if (proof.kind === "unproven" && proof.reason !== "no_socket") return;
      const proven = proof.kind === "proven" ? assignments.uidOf(proof.pod) : undefined;
      if (proven !== uid) disagreed?.();
    });
  }
}

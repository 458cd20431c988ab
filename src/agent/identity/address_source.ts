/** Identity by address alone: the pod whose status shows the peer's address. */
import type { Assignments } from "../assignments/assignments.ts";
import type { ConnectionEnds } from "../http/messages.ts";
import type { CallerLookup } from "../ports.ts";
import type { IdentitySource } from "./callers.ts";
import type { DirectReads } from "./direct_reads.ts";

export interface AddressSourceOptions {
  readonly assignments: Assignments;
  readonly reads: DirectReads;
}

export class AddressSource implements IdentitySource {
  readonly #assignments: Assignments;
  readonly #reads: DirectReads;

  constructor({ assignments, reads }: AddressSourceOptions) {
    this.#assignments = assignments;
    this.#reads = reads;
  }

  find({ peer }: ConnectionEnds): CallerLookup {
    return this.#assignments.lookUpAddress(peer);
  }

  refresh({ peer }: ConnectionEnds, found: CallerLookup): void {
    if (found.kind === "unknown") this.#reads.start(peer);
  }

  lastKnown({ peer }: ConnectionEnds): string | undefined {
    const found = this.#assignments.lookUpAddress(peer);
    return found.kind === "pod" ? found.pod.uid : undefined;
  }

  waitKey({ peer }: ConnectionEnds): string {
    return peer;
  }

  runs(): boolean {
    return false;
  }

  refreshRunning(): void {}

  onChange(): void {}
}

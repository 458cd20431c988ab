/** The kernel's proof of each connection: it holds for that connection and for no other. */
import type { ConnectionEnds } from "../../net/http_messages.ts";
import type { Clock, Kernel, KernelProof } from "../ports.ts";

/** After a failure, the connection's next request may start another attempt. */
const retryAfterMs = 1000;

interface ConnectionProofsOptions {
  readonly clock: Clock;
  /** null while the host's `/proc` isn't usable. */
  readonly kernel: () => Kernel | null;
  /** The pod that the API shows at the address; its sockets are searched first. */
  readonly expectedAt: (ip: string) => string | undefined;
  /** Called with each outcome. */
  readonly proved?: (outcome: ProofOutcome) => void;
}

export type ProofOutcome = "proven" | Extract<KernelProof, { kind: "unproven" }>["reason"];

interface State {
  /** Undefined while it is in progress. */
  proof: KernelProof | undefined;
  finishedAt: number;
  readonly result: Promise<KernelProof>;
}

export class ConnectionProofs {
  readonly #options: ConnectionProofsOptions;
  /** Weak, so that an entry is freed with its connection. */
  readonly #states = new WeakMap<ConnectionEnds, State>();
  readonly #listeners: ((ip: string) => void)[] = [];

  constructor(options: ConnectionProofsOptions) {
    this.#options = options;
  }

  /** Called with the peer's address when an attempt has ended, whether it found a proof or not. */
  onResult(listener: (ip: string) => void): void {
    this.#listeners.push(listener);
  }

  /** Undefined while the proof is in progress; starts it if need be. */
  find(connection: ConnectionEnds): KernelProof | undefined {
    return this.#state(connection).proof;
  }

  waitFor(connection: ConnectionEnds): Promise<KernelProof> {
    return this.#state(connection).result;
  }

  #state(connection: ConnectionEnds): State {
    const known = this.#states.get(connection);
    return known === undefined || this.#isDue(known) ? this.#start(connection) : known;
  }

  #isDue({ proof, finishedAt }: State): boolean {
    if (proof?.kind !== "unproven") return false;
    return this.#options.clock.monotonic() - finishedAt >= retryAfterMs;
  }

  #start(connection: ConnectionEnds): State {
    const { kernel, expectedAt, proved } = this.#options;
    const result = kernel()?.prove(connection, expectedAt(connection.peer)) ??
      Promise.resolve<KernelProof>({ kind: "unproven", reason: "unreadable" });
    const state: State = { proof: undefined, finishedAt: 0, result };
    this.#states.set(connection, state);
    void result.then((proof) => {
      state.proof = proof;
      state.finishedAt = this.#options.clock.monotonic();
      proved?.(proof.kind === "proven" ? "proven" : proof.reason);
      for (const listener of this.#listeners) listener(connection.peer);
    });
    return state;
  }
}

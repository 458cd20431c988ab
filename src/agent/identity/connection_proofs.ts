/** The kernel's proof of each connection: it holds for that connection and for no other. */
import type { ConnectionEnds } from "../../net/http_messages.ts";
import type { Kernel, KernelProof } from "../ports.ts";

interface ConnectionProofsOptions {
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
    return this.#states.get(connection) ?? this.#start(connection);
  }

  #start(connection: ConnectionEnds): State {
    const { kernel, expectedAt, proved } = this.#options;
    const result = kernel()?.prove(connection, expectedAt(connection.peer)) ??
      Promise.resolve<KernelProof>({ kind: "unproven", reason: "unreadable" });
    const state: State = { proof: undefined, result };
    this.#states.set(connection, state);
    void result.then((proof) => {
      state.proof = proof;
      proved?.(proof.kind === "proven" ? "proven" : proof.reason);
      for (const listener of this.#listeners) listener(connection.peer);
    });
    return state;
  }
}

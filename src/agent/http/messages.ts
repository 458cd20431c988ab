/**
 * HTTP as the agent's fronts see it: the parts of the runtime's contract that they use. They also
 * run behind any other listener, so nothing here is imported from it.
 */

/** The two ends of an accepted connection, in the form of `canonicalAddress`; one object each. */
export interface ConnectionEnds {
  readonly peer: string;
  readonly peerPort: number;
  readonly local: string;
  readonly localPort: number;
}

/** A request as it came off the wire; its target has not been interpreted. */
export interface Incoming {
  readonly method: string;
  readonly target: string;
  /** `1.0` or `1.1`. */
  readonly httpVersion: string;
  /** The TCP peer's address and ours, in the form of `canonicalAddress`. */
  readonly peer: string;
  readonly local: string;
  /** The same object for all requests of a connection. */
  readonly connection: ConnectionEnds;
  /** Alternating names and values, as sent. */
  readonly rawHeaders: readonly string[];
  /** A header's values joined by `, `; `name` in lower case. */
  header(name: string): string | undefined;
  headerValues(name: string): readonly string[];
  /** Aborts if the client disconnects before the reply is complete. */
  readonly signal: AbortSignal;
}

/** A body of known length that is still arriving. It has to be started or cancelled, once. */
export interface BodySource {
  readonly length: number;
  start(sink: { chunk(bytes: Uint8Array): void; end(): void; fail(): void }): void;
  /** The sink has used the last chunk. */
  resume(): void;
  cancel(): void;
}

export interface Reply {
  readonly status: number;
  /** Without Content-Length, which the listener adds, unless the body is a stream. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: string | Uint8Array | BodySource | ReadableStream<Uint8Array> | null;
}

export type Answer = Reply | Promise<Reply>;

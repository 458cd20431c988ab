/** A request as the front's answers see it: canonical already, its headers read on demand. */

import type { BodySource } from "../ports.ts";

/** The part of a request off the wire that the front reads. */
export interface FrontRequest {
  readonly method: string;
  readonly target: string;
  readonly httpVersion: string;
  readonly peer: string;
  readonly local: string;
  readonly rawHeaders: readonly string[];
  header(name: string): string | undefined;
  headerValues(name: string): readonly string[];
  readonly signal: AbortSignal;
}

/** What the front answers with: bytes at hand, or on their way. */
export interface Reply {
  readonly status: number;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: string | Uint8Array | BodySource | null;
}

export interface Ask {
  readonly incoming: FrontRequest;
  /** Canonical; with at most one slash at its end. */
  readonly path: string;
  /** Set where the answer is a refusal of ours that has become a response of the web. */
  refused?: Reply;
}

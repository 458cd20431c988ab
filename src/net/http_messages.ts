/** HTTP messages as listeners, the agent's fronts and clients exchange them. */

/** The two ends of an accepted connection, in the form of `canonicalAddress`; one object each. */
export interface ConnectionEnds {
  /** The TCP peer, such as `10.0.0.7` or `fd00::7`. */
  readonly peer: string;
  readonly peerPort: number;
  readonly local: string;
  readonly localPort: number;
}

/** A request as it came off the wire; its target has not been interpreted. */
export interface Incoming {
  readonly method: string;
  /** The request target exactly as sent: origin form, absolute form or anything else. */
  readonly target: string;
  /** `1.0` or `1.1`. */
  readonly httpVersion: string;
  readonly peer: string;
  readonly local: string;
  /** The same object for all requests of a connection. */
  readonly connection: ConnectionEnds;
  /** Alternating names and values, as sent. */
  readonly rawHeaders: readonly string[];
  /** A header's values joined by `, `; `name` in lower case. */
  header(name: string): string | undefined;
  /** Every value of a header, so that a second Host can be refused; `name` in lower case. */
  headerValues(name: string): readonly string[];
  /** Aborts if the client disconnects before the reply is complete. */
  readonly signal: AbortSignal;
}

/** Receives the chunks of a `BodySource`. */
export interface ByteSink {
  /** The sink owns the bytes until it calls `resume()`; no other chunk comes before that. */
  chunk(bytes: Uint8Array): void;
  end(): void;
  /** The source failed before its end. */
  fail(): void;
}

/**
 * A body of known length that is still arriving, without the objects of a web stream. It has to be
 * started or cancelled, once.
 */
export interface BodySource {
  /** In bytes; exactly that many come before the end. */
  readonly length: number;
  start(sink: ByteSink): void;
  /** The sink has used the last chunk. */
  resume(): void;
  cancel(): void;
}

export interface Reply {
  readonly status: number;
  /** The listener adds Content-Length, unless the body is a stream. Names keep their case. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** A stream is sent chunked, unless the headers have a Content-Length. */
  readonly body: string | Uint8Array | BodySource | ReadableStream<Uint8Array> | null;
  /** Closes the connection after it, so that the client's next request opens another one. */
  readonly last?: boolean;
}

export type Answer = Reply | Promise<Reply>;

/** Statuses that never have a body. */
export const bodiless = new Set([204, 205, 304]);

export function isSource(body: Reply["body"]): body is BodySource {
  return typeof body === "object" && body !== null && "start" in body;
}

export function isStream(body: Reply["body"]): body is ReadableStream<Uint8Array> {
  return body instanceof ReadableStream;
}

/** Releases the body of a reply that won't be read. */
export function discard({ body }: Reply): void {
  if (isStream(body)) body.cancel().catch(() => {});
  else if (isSource(body)) body.cancel();
}

/** Names as services write them: some scripts look for `Content-Length`, and a Response has them lower. */
export function replyOf({ status, headers, body }: Response): Reply {
  const named = [...headers].map(([name, value]) => {
    return [name.replace(/(?:^|-)[a-z]/g, (start) => start.toUpperCase()), value] as const;
  });
  return { status, headers: named, body };
}

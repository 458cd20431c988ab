/** The HTTP contract that both runtimes fulfil: requests, replies, listeners and clients. */

/** The two ends of an accepted connection. Addresses have no zone and no IPv4-mapped prefix. */
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
  /** The body, or null if the headers announce none. */
  body(): ReadableStream<Uint8Array> | null;
  /** Aborts if the client disconnects before the reply is complete. */
  readonly signal: AbortSignal;
  /** The same request as a web `Request`, with a URL that the caller has made canonical. */
  toRequest(url: string): Request;
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
}

/** Answers a request. It must not throw; the listener replies to a throw with a bare 500. */
export type Handler = (incoming: Incoming) => Reply | Response | Promise<Reply | Response>;

/** Limits that protect a listener from its clients. Times in milliseconds. */
export interface ListenLimits {
  readonly maxConnections: number;
  readonly maxConnectionsPerPeer: number;
  /** From the start of the connection, or the end of the last reply, to the end of the headers. */
  readonly headersTimeoutMs: number;
  /** From the first byte of a request to the end of its body. */
  readonly requestTimeoutMs: number;
  readonly keepAliveTimeoutMs: number;
  readonly maxHeaderBytes: number;
}

/** PEM. */
interface Certificate {
  readonly cert: string;
  readonly key: string;
}

export interface ListenOptions {
  /** An address such as `::`, `0.0.0.0` or `127.0.0.1`. */
  readonly host: string;
  /** 0 selects a free port. */
  readonly port: number;
  readonly handler: Handler;
  readonly limits: ListenLimits;
  /** Called for each accepted connection, before its first request; it must not throw. */
  readonly accepted?: (connection: ConnectionEnds) => void;
  /** Makes the listener speak TLS. */
  readonly tls?: Certificate;
  /** The Server header of the listener's own refusals; none by default. */
  readonly serverHeader?: string;
  /** Lets another process listen on the same port, for a handover without a gap. */
  readonly reusePort?: boolean;
}

export interface Listener {
  readonly host: string;
  readonly port: number;
  /** Connections open now, and connections refused by a limit since the start. */
  connections(): { readonly open: number; readonly refused: number };
  /** Uses another certificate for new connections; open connections stay. */
  setCertificate(tls: Certificate): void;
  /** Stops accepting, lets requests in flight finish for `graceMs`, then closes the rest. */
  close(graceMs: number): Promise<void>;
}

export interface HttpRequestInit {
  readonly method?: string;
  /** Sent as given, a list as repeated headers; only Host, Connection and framing are added. */
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: string | Uint8Array | ReadableStream<Uint8Array> | null;
  readonly signal?: AbortSignal;
  /** Connect to this address instead of resolving the URL's host; Host and TLS name stay the URL's. */
  readonly address?: string;
}

/** Shaped like fetch, but byte for byte: no redirects, no decompression, no added headers. */
export interface HttpClient {
  fetch(url: string, init?: HttpRequestInit): Promise<Response>;
  close(): void;
}

export interface HttpClientOptions {
  /** PEM. Trusts exactly these authorities, not the system's. */
  readonly ca?: string;
  /** PEM. A client certificate. */
  readonly cert?: string;
  readonly key?: string;
  readonly rejectUnauthorized?: boolean;
  /** The TLS name to ask for and to expect in the certificate, instead of the URL's host. */
  readonly serverName?: string;
  /** The URL of the proxy for a request to `url`; null for none. Without it, there is no proxy. */
  readonly proxyFor?: (url: string) => string | null;
  readonly maxSockets?: number;
  readonly connectTimeoutMs?: number;
}

/** A response with a complete head that states the length of its body. */
export interface FastResponse {
  readonly status: number;
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** A source has to be started or cancelled. */
  readonly body: Uint8Array | BodySource;
}

/**
 * GET of a path with these headers; only Host and Connection are added. Undefined if the request or
 * the response is not simple enough: use an `HttpClient` then (the server may have received the
 * request already). `timeoutMs` limits the time to the response's head.
 * @throws {AnswerTimeout} the connection's own error, or the signal's reason
 */
export type FastGet = (
  path: string,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
  timeoutMs: number,
) => Promise<FastResponse | undefined>;

/** The HTTP contract that both runtimes fulfil: listeners and clients. */
import type {
  Answer,
  BodySource,
  ConnectionEnds,
  Incoming,
  Reply,
} from "../../net/http_messages.ts";

/** A request that a listener has accepted. */
export interface ListenerRequest extends Incoming {
  /** The body, or null if the headers announce none. */
  body(): ReadableStream<Uint8Array> | null;
  /** The same request as a web `Request`, with a URL that the caller has made canonical. */
  toRequest(url: string): Request;
}

/** Answers a request. It must not throw; the listener replies to a throw with a bare 500. */
export type Handler = (incoming: ListenerRequest) => Answer;

/** Limits that protect a listener from its clients. Times in milliseconds. */
export interface ListenLimits {
  readonly maxConnections: number;
  /** Called once, when that many are open; returns the limit from then on, if it is higher. */
  readonly moreConnections?: () => number;
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
  /** The TLS name to send and to expect in the certificate, instead of the URL's host. */
  readonly serverName?: string;
  /** The URL of the proxy for a request to `url`; null for none. Without it, there is no proxy. */
  readonly proxyFor?: (url: string) => string | null;
  readonly maxSockets?: number;
  readonly connectTimeoutMs?: number;
}

/** A response with a complete head that states the length of its body. */
export interface FastResponse extends Reply {
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

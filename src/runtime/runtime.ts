/**
 * What the program needs of its runtime, in words that Deno and Node both keep: a listener that
 * outlives its clients, an HTTP client that changes nothing, programs, files and signals.
 */

import type { BodySource } from "./http/body_source.ts";
import type { ConnectionEnds } from "./http/node_request.ts";

/** A request as it came off the wire, before anything has interpreted its target. */
export interface Incoming {
  readonly method: string;
  /** The request target exactly as sent: origin form, absolute form or anything else. */
  readonly target: string;
  /** `1.0` or `1.1`. */
  readonly httpVersion: string;
  /** The TCP peer's address without zone or IPv4-mapped prefix, such as `10.0.0.7` or `fd00::7`. */
  readonly peer: string;
  /** The address of ours that the client connected to, in the same form. */
  readonly local: string;
  /** The connection it came over: the same object for all of its requests. */
  readonly connection: ConnectionEnds;
  /** Names and values by turns, as sent. */
  readonly rawHeaders: readonly string[];
  /** A header's values joined by `, `; `name` in lower case. */
  header(name: string): string | undefined;
  /** Every value of a header, so that a doubled Host can be refused; `name` in lower case. */
  headerValues(name: string): readonly string[];
  /** The body, or null where the headers announce none. */
  body(): ReadableStream<Uint8Array> | null;
  /** Aborts when the client goes away before its answer is complete. */
  readonly signal: AbortSignal;
  /** The same request in web terms, under a URL that the caller has made canonical. */
  toRequest(url: string): Request;
}

/** An answer with a body at hand, or of known length; header names keep their case. */
export interface Reply {
  readonly status: number;
  /** Without Content-Length, which is added. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: string | Uint8Array | BodySource | null;
}

/** Answers a request; it must not throw (the listener turns a throw into a bare 500). */
export type Handler = (incoming: Incoming) => Reply | Response | Promise<Reply | Response>;

/** Limits that keep a listener alive whatever its clients do. Times in milliseconds. */
export interface ListenLimits {
  readonly maxConnections: number;
  readonly maxConnectionsPerPeer: number;
  /** From the connection's or the last answer's end to the end of the next request's headers. */
  readonly headersTimeoutMs: number;
  /** From the first byte of a request to the end of its body. */
  readonly requestTimeoutMs: number;
  readonly keepAliveTimeoutMs: number;
  readonly maxHeaderBytes: number;
}

export interface ListenOptions {
  /** An address such as `::`, `0.0.0.0` or `127.0.0.1`. */
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly handler: Handler;
  readonly limits: ListenLimits;
  /** Called for each accepted connection, before its first request; it must not throw. */
  readonly accepted?: (connection: ConnectionEnds) => void;
  /** PEM. With it the listener speaks TLS. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** Lets a second process listen on the same port while this one stops. */
  readonly reusePort?: boolean;
}

export interface Listener {
  readonly host: string;
  readonly port: number;
  /** Connections open now, and those closed for a limit since the start. */
  connections(): { readonly open: number; readonly refused: number };
  /** Serves new connections with another certificate; open ones stay. */
  setCertificate(tls: { readonly cert: string; readonly key: string }): void;
  /** Stops accepting, lets requests under way finish for `graceMs`, then closes what is left. */
  close(graceMs: number): Promise<void>;
}

export interface HttpRequestInit {
  readonly method?: string;
  /** Sent as given, none added but Host, Connection and the body's framing. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array | ReadableStream<Uint8Array> | null;
  readonly signal?: AbortSignal;
  /** Connect to this address instead of resolving the URL's host; Host and TLS name stay the URL's. */
  readonly address?: string;
}

/** fetch-shaped, byte for byte: no redirect followed, no encoding undone, no header added. */
export interface HttpClient {
  fetch(url: string, init?: HttpRequestInit): Promise<Response>;
  close(): void;
}

/** An answer whose head was whole and named its body's length. */
export interface FastResponse {
  readonly status: number;
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** A source has to be started or cancelled. */
  readonly body: Uint8Array | BodySource;
}

/**
 * GET of a path with these headers, none added but Host and Connection. Undefined where request or
 * answer has another form, so that an `HttpClient` has to ask; the other side may have been asked
 * then. `timeoutMs` is for the answer's head.
 * @throws {AnswerTimeout} the connection's own error, or the signal's reason
 */
export type FastGet = (
  path: string,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
  timeoutMs: number,
) => Promise<FastResponse | undefined>;

export interface HttpClientOptions {
  /** PEM. Exactly these authorities are trusted, not the system's. */
  readonly ca?: string;
  /** PEM. A client certificate. */
  readonly cert?: string;
  readonly key?: string;
  readonly rejectUnauthorized?: boolean;
  readonly maxSockets?: number;
  readonly connectTimeoutMs?: number;
}

export interface ProgramResult {
  /** 127 where the program isn't there. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program without a shell and with nothing but PATH in its environment. */
export type RunProgram = (
  command: string,
  args: readonly string[],
  options?: { readonly stdin?: string; readonly timeoutMs?: number },
) => Promise<ProgramResult>;

/** Everything of the process that the program touches; `src/runtime/process.ts` gives it. */
export interface Runtime {
  readonly platform: { readonly name: "deno" | "node"; readonly version: string };
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly isTerminal: boolean;
  /** How many files and sockets may be open at once; all listeners together stay under half. */
  openFilesLimit(): number;
  /** Whether `[::]` can be listened on. */
  hasIpv6(): boolean;
  /** Takes away what nobody needs any more; stops the program for some milliseconds. */
  collectGarbage(): void;
  listen(options: ListenOptions): Promise<Listener>;
  httpClient(options?: HttpClientOptions): HttpClient;
  /** The quick way to ask one server often; null for an origin that isn't `http:`. */
  fastGet(origin: string): FastGet | null;
  run: RunProgram;
  /** The addresses a name stands for, of both families. */
  resolve(name: string): Promise<readonly string[]>;
  readTextFile(path: string): Promise<string>;
  writeFile(path: string, content: string | Uint8Array, mode: number): Promise<void>;
  /** Calls back when the file is edited or replaced (rename, Kubernetes' `..data` link); returns a stop. */
  watchFile(path: string, changed: () => void): () => void;
  /** Calls back at the first SIGTERM or SIGINT; a second one ends the process at once. */
  onStop(stop: (signal: string) => void): void;
  /** Waits until it is taken, if need be: for commands that print and end. */
  writeOut(text: string): void;
  /** A line of the log, without ever waiting for its reader; false where it is left out. */
  writeLog(line: string): boolean;
  /** Settles once the log is written, or nobody has read it for a second. */
  logWritten(): Promise<void>;
  writeError(text: string): void;
  exit(code: number): never;
}

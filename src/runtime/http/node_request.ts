/**
 * A request of node:http as the contract's `Incoming`. Everything beyond the request line is made
 * when asked for, since most requests are answered from memory without it.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { Readable } from "node:stream";
import type { ReadableStream as NodeReadableStream } from "node:stream/web";
import type { ConnectionEnds, Incoming } from "./types.ts";
import { headerOf, headerValuesOf, isNamed, webHeaders } from "./raw_headers.ts";

export class NodeRequest implements Incoming {
  readonly #message: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #ends: ConnectionEnds;
  #abort: AbortController | undefined;
  #body: ReadableStream<Uint8Array> | null | undefined;

  constructor(message: IncomingMessage, response: ServerResponse, ends: ConnectionEnds) {
    this.#message = message;
    this.#response = response;
    this.#ends = ends;
  }

  get method(): string {
    return this.#message.method ?? "";
  }

  get target(): string {
    return this.#message.url ?? "";
  }

  get httpVersion(): string {
    return this.#message.httpVersion;
  }

  get peer(): string {
    return this.#ends.peer;
  }

  get local(): string {
    return this.#ends.local;
  }

  get connection(): ConnectionEnds {
    return this.#ends;
  }

  get rawHeaders(): readonly string[] {
    return this.#message.rawHeaders;
  }

  header(name: string): string | undefined {
    return headerOf(this.#message.rawHeaders, name);
  }

  headerValues(name: string): readonly string[] {
    return headerValuesOf(this.#message.rawHeaders, name);
  }

  body(): ReadableStream<Uint8Array> | null {
    if (this.#body === undefined) this.#body = this.announcesBody() ? this.#stream() : null;
    return this.#body;
  }

  get signal(): AbortSignal {
    if (this.#abort !== undefined) return this.#abort.signal;
    const abort = this.#abort = new AbortController();
    const response = this.#response;
    const gone = () => {
      if (!response.writableFinished) abort.abort(new DOMException("client gone", "AbortError"));
    };
    if (response.destroyed || this.#message.socket.destroyed) gone();
    else response.once("close", gone);
    return abort.signal;
  }

  toRequest(url: string): Request {
    const headers = webHeaders(this.#message.rawHeaders);
    const method = this.method;
    const init: RequestInit & { duplex?: "half" } = { method, headers, signal: this.signal };
    const body = method === "GET" || method === "HEAD" ? null : this.body();
    if (body !== null) {
      init.body = body;
      init.duplex = "half";
    }
    return new Request(url, init);
  }

  /**
   * Whether the connection can't be used for another request: nobody reads the rest of this one's
   * body, or it offers an upgrade, and node:http drops what the client has pipelined behind it.
   */
  endsConnection(): boolean {
    if (this.#message.headers.upgrade !== undefined) return true;
    return !this.#message.complete && this.announcesBody();
  }

  announcesBody(): boolean {
    const raw = this.#message.rawHeaders;
    for (let i = 0; i < raw.length; i += 2) {
      if (isNamed(raw[i], "content-length") && raw[i + 1] !== "0") return true;
      if (isNamed(raw[i], "transfer-encoding")) return true;
    }
    return false;
  }

  #stream(): ReadableStream<Uint8Array> {
    const web: NodeReadableStream<Uint8Array> = Readable.toWeb(this.#message);
    return web as unknown as ReadableStream<Uint8Array>;
  }
}

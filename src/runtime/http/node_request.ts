/**
 * A request of node:http as the contract's `Incoming`. Everything beyond the request line is made
 * on demand, since most requests are answered from memory without it.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { Readable } from "node:stream";
import type { ReadableStream as NodeReadableStream } from "node:stream/web";
import type { ConnectionEnds } from "../../net/http_messages.ts";
import { isNamed, RawRequest } from "./raw_request.ts";

export class NodeRequest extends RawRequest {
  readonly #message: IncomingMessage;
  readonly #response: ServerResponse;
  #abort: AbortController | undefined;
  #body: ReadableStream<Uint8Array> | null | undefined;

  constructor(message: IncomingMessage, response: ServerResponse, ends: ConnectionEnds) {
    super(ends);
    this.#message = message;
    this.#response = response;
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

  get rawHeaders(): readonly string[] {
    return this.#message.rawHeaders;
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

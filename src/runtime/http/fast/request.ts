/** A parsed request as the contract's `Incoming`. It has no body. */
import type { Socket } from "node:net";
import type { ConnectionEnds, Incoming } from "../types.ts";
import type { ParsedRequest } from "./parse_request.ts";
import { headerOf, headerValuesOf, webHeaders } from "../raw_headers.ts";

export class FastRequest implements Incoming {
  readonly #request: ParsedRequest;
  readonly #socket: Socket;
  readonly #ends: ConnectionEnds;
  #abort: AbortController | undefined;
  #answered = false;

  constructor(request: ParsedRequest, socket: Socket, ends: ConnectionEnds) {
    this.#request = request;
    this.#socket = socket;
    this.#ends = ends;
  }

  get method(): string {
    return this.#request.method;
  }

  get target(): string {
    return this.#request.target;
  }

  get httpVersion(): string {
    return "1.1";
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
    return this.#request.rawHeaders;
  }

  header(name: string): string | undefined {
    return headerOf(this.#request.rawHeaders, name);
  }

  headerValues(name: string): readonly string[] {
    return headerValuesOf(this.#request.rawHeaders, name);
  }

  body(): null {
    return null;
  }

  get signal(): AbortSignal {
    if (this.#abort !== undefined) return this.#abort.signal;
    const abort = this.#abort = new AbortController();
    if (this.#socket.destroyed) this.#gone();
    else this.#socket.once("close", this.#gone);
    return abort.signal;
  }

  readonly #gone = () => {
    if (!this.#answered) this.#abort?.abort(new DOMException("client gone", "AbortError"));
  };

  /** Called when the answer is complete: from then on the client may disconnect. */
  answered(): void {
    this.#answered = true;
    if (this.#abort !== undefined) this.#socket.off("close", this.#gone);
  }

  toRequest(url: string): Request {
    const headers = webHeaders(this.#request.rawHeaders);
    return new Request(url, { method: this.method, headers, signal: this.signal });
  }
}

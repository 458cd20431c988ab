/** A parsed request as the contract's `Incoming`. It has no body. */
import type { Socket } from "node:net";
import type { ConnectionEnds } from "../../../net/http_messages.ts";
import type { ParsedRequest } from "./parse_request.ts";
import { RawRequest } from "../raw_request.ts";

export class FastRequest extends RawRequest {
  readonly #request: ParsedRequest;
  readonly #socket: Socket;
  #abort: AbortController | undefined;
  #answered = false;

  constructor(request: ParsedRequest, socket: Socket, ends: ConnectionEnds) {
    super(ends);
    this.#request = request;
    this.#socket = socket;
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

  get rawHeaders(): readonly string[] {
    return this.#request.rawHeaders;
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
}

/** One request on a kept connection, and its response if the fast path supports its form. */
import { Buffer } from "node:buffer";
import { systemClock } from "../../../time/system_clock.ts";
import type { FastResponse } from "../types.ts";
import type { BodySource, ByteSink } from "../../../net/http_messages.ts";
import { parseResponseHead, type ResponseHead } from "./parse_response.ts";
import type { ClientSocket, SocketUser } from "./client_socket.ts";

/** No head of an answer within the time given. Trying again can help. */
export class AnswerTimeout extends Error {
  readonly code = "answer_timeout";
  override readonly name = "AnswerTimeout";
}

export class ClientExchange implements SocketUser, BodySource {
  /** Undefined for an answer of another form. @throws the connection's error, the signal's reason */
  readonly answer: Promise<FastResponse | undefined>;
  readonly #socket: ClientSocket;
  readonly #signal: AbortSignal;
  readonly #cancelTimeout: () => void;
  #resolve!: (answer: FastResponse | undefined) => void;
  #reject!: (error: unknown) => void;
  #begun: Buffer | undefined;
  #head: ResponseHead | undefined;
  #sink: ByteSink | undefined;
  #left = 0;
  #excess = false;
  #first: Uint8Array | undefined;
  #over = false;

  constructor(socket: ClientSocket, request: string, signal: AbortSignal, timeoutMs: number) {
    this.#socket = socket;
    this.#signal = signal;
    this.answer = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.#cancelTimeout = systemClock.after(timeoutMs, () => {
      this.#end(new AnswerTimeout(`no answer in ${timeoutMs} ms`));
    });
    socket.use(this, request);
    if (signal.aborted) this.#abort();
    else signal.addEventListener("abort", this.#abort);
  }

  get length(): number {
    return this.#head?.length ?? 0;
  }

  readonly #abort = (): void => this.#end(this.#signal.reason);

  #end(reason: unknown): void {
    this.#reject(reason);
    this.#socket.destroy();
  }

  read(bytes: Buffer): void {
    if (this.#head === undefined) this.#readHead(bytes);
    else this.#readBody(bytes);
  }

  lost(error: Error): void {
    this.#finish();
    this.#reject(error);
    this.#sink?.fail();
  }

  #readHead(bytes: Buffer): void {
    // A copy: the socket reads its next piece into the same memory.
    const begun = Buffer.concat(this.#begun === undefined ? [bytes] : [this.#begun, bytes]);
    const head = parseResponseHead(begun.toString("latin1", 0, 16_388));
    if (head === "partial") return void (this.#begun = begun);
    if (head === undefined || begun.length - head.headBytes > head.length) return this.#leave();
    this.#head = head;
    this.#cancelTimeout();
    const body = begun.subarray(head.headBytes);
    this.#left = head.length - body.length;
    if (this.#left > 0) this.#stream(head, body);
    else this.#whole(head, body);
  }

  /** Unread, so the connection can't be used any more. */
  #leave(): void {
    this.#resolve(undefined);
    this.#finish();
    this.#socket.destroy();
  }

  #whole({ status, headers }: ResponseHead, body: Uint8Array): void {
    this.#resolve({ status, headers, body });
    this.#leaveSocket();
  }

  /** Nothing more is read before somebody takes the body. */
  #stream({ status, headers }: ResponseHead, first: Uint8Array): void {
    this.#socket.pause();
    this.#first = first;
    this.#resolve({ status, headers, body: this });
  }

  start(sink: ByteSink): void {
    if (this.#over) return sink.fail();
    this.#sink = sink;
    const first = this.#first ?? new Uint8Array();
    this.#first = undefined;
    if (first.length === 0) this.#socket.resume();
    else sink.chunk(first);
  }

  resume(): void {
    if (this.#over || this.#sink === undefined) return;
    if (this.#left > 0) this.#socket.resume();
    else this.#done(this.#sink);
  }

  #done(sink: ByteSink): void {
    this.#sink = undefined;
    this.#leaveSocket();
    sink.end();
  }

  cancel(): void {
    if (!this.#over) this.#socket.destroy();
  }

  #readBody(bytes: Uint8Array): void {
    const own = bytes.length > this.#left ? bytes.subarray(0, this.#left) : bytes;
    this.#excess ||= bytes.length > own.length;
    this.#left -= own.length;
    this.#socket.pause();
    this.#sink?.chunk(own);
  }

  #leaveSocket(): void {
    this.#finish();
    const kept = this.#head?.keepAlive === true && !this.#excess && !this.#socket.closed;
    if (kept) this.#socket.free();
    else this.#socket.destroy();
  }

  #finish(): void {
    this.#over = true;
    this.#cancelTimeout();
    this.#signal.removeEventListener("abort", this.#abort);
  }
}

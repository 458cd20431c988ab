/** A kept connection to another server: its events go to the exchange that is using it. */
import { Buffer } from "node:buffer";
import { connect, type Socket } from "node:net";
import { systemClock } from "../../../time/system_clock.ts";
import { ConnectTimeout } from "../client.ts";

/** Who uses the connection. */
export interface SocketUser {
  /** The bytes are valid until this returns, or while the socket is paused. */
  read(bytes: Buffer): void;
  lost(error: Error): void;
}

interface ClientSocketOptions {
  readonly connectTimeoutMs: number;
  /** It can be used again. */
  readonly free: (socket: ClientSocket) => void;
  readonly closed: () => void;
}

/** The most that is read at once. Half of it makes large bodies a sixth slower; twice gains nothing. */
const pieceBytes = 262_144;

export class ClientSocket {
  readonly #socket: Socket;
  readonly #options: ClientSocketOptions;
  #user: SocketUser | undefined;
  #fault: Error | undefined;
  readonly #cancelTimeout: () => void;
  /** It has carried a request before. */
  used = false;
  /** Something has come back since the last request. */
  answered = false;
  closed = false;

  constructor(
    address: { readonly host: string; readonly port: number },
    options: ClientSocketOptions,
  ) {
    // One piece of memory for all it reads: large bodies leave no garbage behind.
    const buffer = Buffer.alloc(pieceBytes);
    const callback = (length: number) => this.#read(buffer.subarray(0, length));
    const socket = connect({ ...address, noDelay: true, onread: { buffer, callback } });
    this.#socket = socket;
    this.#options = options;
    this.#cancelTimeout = systemClock.after(options.connectTimeoutMs, () => this.#tooLate());
    socket.once("connect", this.#cancelTimeout);
    socket.on("error", (error) => this.#fault = error);
    socket.on("end", () => socket.destroy());
    socket.once("close", () => this.#closed());
  }

  use(user: SocketUser, request: string): void {
    this.#user = user;
    this.answered = false;
    this.#socket.ref();
    this.#socket.write(request, "latin1");
  }

  /** An idle one keeps no process alive. */
  free(): void {
    this.#user = undefined;
    this.used = true;
    this.#socket.resume();
    this.#socket.unref();
    this.#options.free(this);
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #read(bytes: Buffer): boolean {
    this.answered = true;
    // Unsolicited bytes can't be the answer to the next request.
    if (this.#user === undefined) this.#socket.destroy();
    else this.#user.read(bytes);
    return true;
  }

  #tooLate(): void {
    this.#fault = new ConnectTimeout(`no connection in ${this.#options.connectTimeoutMs} ms`);
    this.#socket.destroy();
  }

  #closed(): void {
    this.#cancelTimeout();
    this.closed = true;
    this.#options.closed();
    this.#user?.lost(this.#fault ?? new Error("the connection was closed"));
  }
}

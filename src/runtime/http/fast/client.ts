/**
 * Fast path for GET requests to one origin, over a few kept sockets. A response of an unsupported form
 * is dropped unread and the caller repeats the request through node:http, so a GET may be sent twice.
 */
import { withoutBrackets } from "../../../net/host_port.ts";
import type { Clock } from "../../../time/clock.ts";
import { backgroundTimer, systemClock } from "../../../time/system_clock.ts";
import type { FastGet, FastResponse } from "../types.ts";
import { AnswerTimeout, ClientExchange } from "./client_exchange.ts";
import { ClientSocket } from "./client_socket.ts";

const maxSockets = 64;
const connectTimeoutMs = 5000;
/** A socket that has been idle for this long is closed, at the latest after twice the time. */
const idleMs = 15_000;
/** Paths whose responses had an unsupported form aren't tried again. */
const maxUnsupportedPaths = 256;

const targetForm = /^\/[!-~]*$/;
const fieldName = /^[A-Za-z0-9_-]+$/;
const fieldValue = /^[\t\x20-\x7e\x80-\xff]*$/;

type Timer = Pick<Clock, "after">;

/** Undefined for an origin that isn't `http:`. */
export function createFastClient(
  origin: string,
  timer: Timer = backgroundTimer,
): FastGet | undefined {
  const url = new URL(origin);
  return url.protocol === "http:" ? new FastClient(url, timer).get : undefined;
}

class FastClient {
  readonly #host: string;
  readonly #address: { readonly host: string; readonly port: number };
  readonly #timer: Timer;
  /** The last one is used first. */
  #idle: ClientSocket[] = [];
  /** How many idle sockets, from the front, haven't been used since the timer was set. */
  #spare = 0;
  #isTimerSet = false;
  #open = 0;
  #waiting: ((socket: ClientSocket) => void)[] = [];
  readonly #unsupported = new Set<string>();

  constructor({ host, hostname, port }: URL, timer: Timer) {
    this.#timer = timer;
    this.#host = host;
    this.#address = { host: withoutBrackets(hostname), port: Number(port || 80) };
  }

  readonly get: FastGet = async (path, headers, signal, timeoutMs) => {
    const request = this.#unsupported.has(path) ? undefined : this.#requestText(path, headers);
    if (request === undefined || signal.aborted) return undefined;
    const answer = await this.#send(request, signal, timeoutMs);
    if (answer === undefined) this.#remember(path);
    return answer;
  };

  /** Undefined if it can't be put into a request unchanged. */
  #requestText(path: string, headers: Readonly<Record<string, string>>): string | undefined {
    if (!targetForm.test(path)) return undefined;
    let text = `GET ${path} HTTP/1.1\r\nHost: ${this.#host}\r\n`;
    for (const [name, value] of Object.entries(headers)) {
      if (!fieldName.test(name) || !fieldValue.test(value)) return undefined;
      text += `${name}: ${value}\r\n`;
    }
    return `${text}Connection: keep-alive\r\n\r\n`;
  }

  /** The other side may close a kept connection at any time; then the request goes out once more. */
  async #send(
    request: string,
    signal: AbortSignal,
    timeoutMs: number,
  ): Promise<FastResponse | undefined> {
    const socket = await this.#take(timeoutMs);
    const reused = socket.used;
    try {
      return await new ClientExchange(socket, request, signal, timeoutMs).answer;
    } catch (fault) {
      const lost = reused && !socket.answered && !signal.aborted &&
        !(fault instanceof AnswerTimeout);
      if (!lost) throw fault;
      return await new ClientExchange(this.#connect(), request, signal, timeoutMs).answer;
    }
  }

  #take(timeoutMs: number): Promise<ClientSocket> | ClientSocket {
    for (let socket = this.#idle.pop(); socket !== undefined; socket = this.#idle.pop()) {
      this.#spare = Math.min(this.#spare, this.#idle.length);
      if (!socket.closed) return socket;
    }
    return this.#open < maxSockets ? this.#connect() : this.#turn(timeoutMs);
  }

  #turn(timeoutMs: number): Promise<ClientSocket> {
    return new Promise((resolve, reject) => {
      const cancel = systemClock.after(timeoutMs, () => {
        this.#waiting = this.#waiting.filter((other) => other !== take);
        reject(new AnswerTimeout(`no free connection in ${timeoutMs} ms`));
      });
      const take = (socket: ClientSocket) => {
        cancel();
        resolve(socket);
      };
      this.#waiting.push(take);
    });
  }

  #connect(): ClientSocket {
    this.#open++;
    return new ClientSocket(this.#address, {
      connectTimeoutMs,
      free: (socket) => this.#free(socket),
      closed: () => this.#closed(),
    });
  }

  #free(socket: ClientSocket): void {
    const next = this.#waiting.shift();
    if (next !== undefined) return next(socket);
    this.#idle.push(socket);
    if (!this.#isTimerSet) this.#closeSpareLater();
  }

  #closeSpareLater(): void {
    this.#isTimerSet = this.#idle.length > 0;
    if (!this.#isTimerSet) return;
    this.#spare = this.#idle.length;
    this.#timer.after(idleMs, () => {
      for (const socket of this.#idle.splice(0, this.#spare)) socket.destroy();
      this.#closeSpareLater();
    });
  }

  #closed(): void {
    this.#open--;
    const next = this.#waiting.shift();
    if (next !== undefined) next(this.#connect());
    else this.#idle = this.#idle.filter((socket) => !socket.closed);
  }

  #remember(path: string): void {
    if (this.#unsupported.size >= maxUnsupportedPaths) this.#unsupported.clear();
    this.#unsupported.add(path);
  }
}

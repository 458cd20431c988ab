/**
 * fetch's shape over node:http, byte for byte the same on both runtimes: headers as given, bodies
 * as sent, no redirect followed, nothing decompressed.
 */
import { Buffer } from "node:buffer";
import http from "node:http";
import https from "node:https";
import { isIP, type Socket } from "node:net";
import { Readable } from "node:stream";
import { withoutBrackets } from "../../net/host_port.ts";
import { bodiless } from "../../net/http_messages.ts";
import { systemClock } from "../../time/system_clock.ts";
import { type AgentPair, Agents, type ClientSettings } from "./agents.ts";
import type { HttpClient, HttpClientOptions, HttpRequestInit } from "./types.ts";

/** No connection within the time given. Trying again can help. */
export class ConnectTimeout extends Error {
  readonly code = "connect_timeout";
  override readonly name = "ConnectTimeout";
}

/** The other side's answer can't be expressed: a status outside 200–599 or an invalid header. */
class AnswerMalformed extends Error {
  readonly code = "answer_malformed";
  override readonly name = "AnswerMalformed";
}

/**
 * Connections are kept alive and pooled. A GET or HEAD whose pooled connection turns out to have
 * been closed by the other side meanwhile is sent once more on a new one. Deno's node:http does so
 * by itself for any method, so a POST must tolerate arriving twice. Nothing else is retried.
 * A response's body has to be read or cancelled.
 */
export function createHttpClient(options: HttpClientOptions = {}): HttpClient {
  const settings = { ...options, connectTimeoutMs: options.connectTimeoutMs ?? 5000 };
  const pool = new Agents(settings, { keepAlive: true, maxSockets: options.maxSockets ?? 64 });
  const fresh = new Agents(settings, { keepAlive: false });
  return {
    async fetch(url, init = {}) {
      const exchange = new Exchange(new URL(url), init, settings);
      try {
        return await exchange.run(await pool.for(url));
      } catch (fault) {
        if (!exchange.mayRepeat()) throw fault;
        return await exchange.run(await fresh.for(url));
      }
    },
    close() {
      pool.close();
      fresh.close();
    },
  };
}

/** Sockets that have carried a request before: only those can have died unnoticed. */
const used = new WeakSet<Socket>();

class Exchange {
  readonly #url: URL;
  readonly #init: HttpRequestInit;
  readonly #settings: ClientSettings;
  readonly #method: string;
  #reused = false;
  #answered = false;

  constructor(url: URL, init: HttpRequestInit, settings: ClientSettings) {
    this.#url = url;
    this.#init = init;
    this.#settings = settings;
    this.#method = init.method ?? "GET";
  }

  mayRepeat(): boolean {
    const { signal, body } = this.#init;
    if (signal?.aborted || !this.#reused || this.#answered) return false;
    return (this.#method === "GET" || this.#method === "HEAD") && (body ?? null) === null;
  }

  run(agents: AgentPair): Promise<Response> {
    const { signal } = this.#init;
    if (signal?.aborted) return Promise.reject(signal.reason);
    return new Promise((resolve, reject) => {
      const request = this.#open(agents);
      const abort = () => {
        request.destroy(asError(signal?.reason));
        // On a connection that was used before, Deno emits no event when the request is destroyed.
        reject(signal?.reason);
      };
      signal?.addEventListener("abort", abort, { once: true });
      request.once("close", () => signal?.removeEventListener("abort", abort));
      request.on("socket", (socket) => this.#watchSocket(request, socket));
      request.on("error", (error) => reject(signal?.aborted ? signal.reason : error));
      request.on("response", (message) => {
        this.#answered = true;
        settleWith(() => this.#response(message), message, resolve, reject);
      });
      this.#send(request);
    });
  }

  #open(agents: AgentPair): http.ClientRequest {
    const { hostname, port, protocol, pathname, search, host } = this.#url;
    const name = withoutBrackets(hostname);
    const secure = protocol === "https:";
    const options: https.RequestOptions = {
      host: this.#init.address ?? name,
      port: port === "" ? (secure ? 443 : 80) : Number(port),
      method: this.#method,
      path: pathname + search,
      headers: { Host: host, ...this.#init.headers, ...framing(this.#method, this.#init.body) },
      agent: secure ? agents.tls : agents.plain,
    };
    if (!secure) return http.request(options);
    const servername = this.#settings.serverName ?? (isIP(name) === 0 ? name : undefined);
    return https.request(servername === undefined ? options : { ...options, servername });
  }

  #watchSocket(request: http.ClientRequest, socket: Socket): void {
    this.#reused = used.has(socket);
    used.add(socket);
    if (!socket.connecting) return;
    const ms = this.#settings.connectTimeoutMs;
    const stop = systemClock.after(ms, () => {
      request.destroy(new ConnectTimeout(`no connection in ${ms} ms`));
    });
    socket.once(this.#url.protocol === "https:" ? "secureConnect" : "connect", stop);
    socket.once("close", stop);
    request.once("close", stop);
  }

  #send(request: http.ClientRequest): void {
    const body = this.#init.body ?? null;
    if (!(body instanceof ReadableStream)) return void request.end(body ?? undefined);
    const readable = Readable.fromWeb(body as unknown as Parameters<typeof Readable.fromWeb>[0]);
    readable.on("error", (error) => request.destroy(error));
    request.once("close", () => readable.destroy());
    readable.pipe(request);
  }

  #response(message: http.IncomingMessage): Response {
    const status = message.statusCode ?? 0;
    if (status < 200 || status > 599) throw new AnswerMalformed(`status ${status}`);
    const headers = new Headers();
    const raw = message.rawHeaders;
    for (let i = 0; i < raw.length; i += 2) headers.append(raw[i] ?? "", raw[i + 1] ?? "");
    if (this.#method === "HEAD" || bodiless.has(status)) {
      message.resume();
      return new Response(null, { status, headers });
    }
    return new Response(webBody(message, this.#init.signal), { status, headers });
  }
}

function framing(method: string, body: HttpRequestInit["body"]): Record<string, string> {
  if (typeof body === "string") return { "Content-Length": String(Buffer.byteLength(body)) };
  if (body instanceof Uint8Array) return { "Content-Length": String(body.byteLength) };
  const none = (body ?? null) === null;
  // Without this, a PUT that has no body is sent chunked, which metadata services refuse.
  return none && method !== "GET" && method !== "HEAD" ? { "Content-Length": "0" } : {};
}

function settleWith(
  make: () => Response,
  message: http.IncomingMessage,
  resolve: (response: Response) => void,
  reject: (error: unknown) => void,
): void {
  try {
    resolve(make());
  } catch (fault) {
    message.destroy();
    const known = fault instanceof AnswerMalformed;
    reject(known ? fault : new AnswerMalformed("answer has an invalid header", { cause: fault }));
  }
}

function webBody(
  message: http.IncomingMessage,
  signal: AbortSignal | undefined,
): ReadableStream<Uint8Array> {
  const abort = () => message.destroy(asError(signal?.reason));
  signal?.addEventListener("abort", abort, { once: true });
  message.once("close", () => signal?.removeEventListener("abort", abort));
  return Readable.toWeb(message) as unknown as ReadableStream<Uint8Array>;
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new DOMException("aborted", "AbortError");
}

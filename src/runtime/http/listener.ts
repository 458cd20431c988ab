/**
 * The listener of every port: node:http on both runtimes, since its time-outs and limits hold on
 * both. It survives whatever clients send or leave out; what a request means is up to the handler.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer, type Server as TlsServer } from "node:https";
import { type AddressInfo, Server as NetServer, type Socket } from "node:net";
import process from "node:process";
import type { Listener, ListenOptions } from "./types.ts";
import { ConnectionLimits } from "./connection_limits.ts";
import {
  type AcceptWatchdog,
  ownConnectionQueued,
  queuedConnections,
  reachableHost,
  startAcceptWatchdog,
} from "./accept_watchdog.ts";
import { writeReply } from "./response_writer.ts";
import { type Answer, type ConnectionEnds, discard, type Reply } from "../../net/http_messages.ts";
import { NodeRequest } from "./node_request.ts";
import { openFilesLimit } from "../machine.ts";
import { peerAddress } from "../../net/ip_address.ts";
import { systemClock } from "../../time/system_clock.ts";
import { FastPath } from "./fast/server_connection.ts";
import {
  framingMalformed,
  malformation,
  type ParserError,
  protocolErrors,
  type SendProtocolError,
} from "./protocol_error.ts";

/** Starts listening. @throws the system's error, such as EADDRINUSE, with its `code`. */
export async function listen(options: ListenOptions): Promise<Listener> {
  const listener = new HttpListener(options);
  await listener.start();
  return listener;
}

/** An open connection of a client. */
class Connection implements ConnectionEnds {
  readonly peer: string;
  readonly peerPort: number;
  /** Requests whose answer isn't complete. */
  underway = 0;
  /** The latest that node:http handed on. */
  response: ServerResponse | undefined;
  readonly #socket: Socket;
  #own: { readonly address: string; readonly port: number } | undefined;

  constructor(peer: string, socket: Socket) {
    this.peer = peer;
    this.peerPort = socket.remotePort ?? 0;
    this.#socket = socket;
  }

  get local(): string {
    return this.#ownEnd().address;
  }

  get localPort(): number {
    return this.#ownEnd().port;
  }

  /** Read from the kernel on demand, since few requests need it; empty once the client has disconnected. */
  #ownEnd() {
    if (this.#own !== undefined) return this.#own;
    const { localAddress, localPort = 0 } = this.#socket;
    return this.#own = { address: peerAddress(localAddress) ?? "", port: localPort };
  }
}

/**
 * A request may be on its way over a connection that looks idle, a fresh one above all: it is still
 * answered, as the connection's last.
 */
const idleGraceMs = 500;

class HttpListener implements Listener {
  readonly #options: ListenOptions;
  readonly #server: Server | TlsServer;
  readonly #limits: ConnectionLimits;
  readonly #refuse: SendProtocolError;
  readonly #open = new Map<Socket, Connection>();
  /** null with TLS. */
  readonly #fastPath: FastPath | null;
  /** With TLS alone: sockets around accepted ones, and those by their ends. */
  readonly #secured = new WeakMap<Socket, Connection>();
  readonly #byEnds = new Map<string, Connection>();
  #closing = false;
  #watch: AcceptWatchdog | undefined;

  constructor(options: ListenOptions) {
    const { limits, tls } = options;
    this.#options = options;
    const { maxConnections, maxConnectionsPerPeer, moreConnections } = limits;
    this.#limits = new ConnectionLimits(maxConnections, maxConnectionsPerPeer, moreConnections);
    this.#refuse = protocolErrors(options.serverHeader);
    const settings = serverSettings(options);
    this.#server = tls === undefined
      ? createServer(settings)
      : createTlsServer({ ...settings, ...tls, handshakeTimeout: limits.headersTimeoutMs });
    // A client that stops reading its answer holds a connection; without any progress it is cut off.
    this.#server.timeout = 2 * limits.requestTimeoutMs;
    // Cutting the list would hide a second Host or X-Forwarded-For; its bytes are limited anyway.
    this.#server.maxHeadersCount = 0;
    this.#fastPath = tls === undefined ? this.#openFastPath() : null;
    this.#wire();
  }

  /** Takes connections in node:http's place, which gets those that the fast path hands over. */
  #openFastPath(): FastPath {
    const [enter] = this.#server.listeners("connection");
    this.#server.removeAllListeners("connection");
    const { handler, limits } = this.#options;
    return new FastPath({
      handler,
      limits,
      handOver: (socket) => enter?.call(this.#server, socket),
      write: (response, answer, ends) => this.#write(response, answer, ends),
      fail: (response) => this.#fail(response),
      refuse: this.#refuse,
      closing: () => this.#closing,
    });
  }

  get host(): string {
    return (this.#server.address() as AddressInfo | null)?.address ?? this.#options.host;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo | null)?.port ?? this.#options.port;
  }

  connections(): { readonly open: number; readonly refused: number } {
    return { open: this.#limits.open, refused: this.#limits.refused };
  }

  setCertificate(tls: { readonly cert: string; readonly key: string }): void {
    if ("setSecureContext" in this.#server) this.#server.setSecureContext(tls);
  }

  async start(): Promise<void> {
    await this.#listen(this.#options.port);
    // Out of file descriptors, accepting fails for a while; that must not end the process.
    this.#server.on("error", () => {});
    if (process.versions["deno"] === undefined) return;
    const { port } = this;
    const own = { host: reachableHost(this.host), port };
    const queued = async () => await queuedConnections(port) ?? await ownConnectionQueued(own);
    this.#watch = startAcceptWatchdog({ queued, stalled: () => void this.#listenAgain() });
  }

  #listen(port: number): Promise<void> {
    const { host, reusePort } = this.#options;
    return new Promise((resolve, reject) => {
      const options = { host, port, backlog: backlog(), reusePort: reusePort === true };
      this.#server.once("error", reject);
      this.#server.listen(options, () => {
        this.#server.off("error", reject);
        resolve();
      });
    });
  }

  /** Requests under way go on; connections the kernel holds unaccepted are lost. */
  async #listenAgain(): Promise<void> {
    if (this.#closing) return;
    const { port } = this;
    // Not node:http's own close(), which would end idle connections as well.
    NetServer.prototype.close.call(this.#server);
    await this.#listen(port).catch(() => {});
  }

  async close(graceMs: number): Promise<void> {
    if (this.#closing) return;
    this.#closing = true;
    this.#watch?.stop();
    this.#fastPath?.stop();
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    const keepIdle = systemClock.after(Math.min(graceMs, idleGraceMs), () => this.#cutIdle());
    const keepRest = systemClock.after(graceMs, () => this.#cutAll());
    await closed;
    keepIdle();
    keepRest();
  }

  #cutIdle(): void {
    for (const [socket, connection] of this.#open) {
      if (connection.underway === 0) socket.destroy();
    }
  }

  #cutAll(): void {
    for (const socket of this.#open.keys()) socket.destroy();
  }

  #wire(): void {
    const server = this.#server;
    server.on("connection", (socket: Socket) => this.#accept(socket));
    server.on("secureConnection", (socket: Socket) => this.#acceptSecure(socket));
    server.on("tlsClientError", (_error: Error, socket: Socket) => void socket.destroy());
    server.on("request", (message, response) => this.#request(message, response));
    // Without a listener for "upgrade", offers to upgrade are ignored, as RFC 9110 (7.8) allows.
    server.on("checkContinue", (message, response) => this.#request(message, response, true));
    server.on("checkExpectation", (message, response) => this.#request(message, response));
    server.on("connect", (_message, socket) => this.#refuse(socket as Socket, 405));
    server.on("clientError", (error: ParserError, socket: Socket) => {
      const connection = this.#open.get(socket) ?? this.#secured.get(socket);
      // The end of its answer ends the connection; a second answer would follow or replace it.
      if (connection !== undefined && isPastLastRequest(connection)) return;
      const status = statusOfFault(error.code);
      this.#refuse(socket, status, status === 400 ? malformation(error) : undefined);
    });
  }

  #accept(socket: Socket): void {
    this.#watch?.accepted();
    socket.on("error", ignore);
    const peer = peerAddress(socket.remoteAddress);
    if (peer === undefined || this.#closing) return void socket.destroy();
    const connection = new Connection(peer, socket);
    this.#options.accepted?.(connection);
    if (!this.#limits.enter(connection)) return void socket.destroy();
    this.#open.set(socket, connection);
    socket.once("close", () => {
      this.#open.delete(socket);
      this.#limits.leave(peer);
    });
    if (this.#fastPath === null) this.#awaitSecured(socket, connection);
    else this.#fastPath.enter(socket, connection);
  }

  #awaitSecured(socket: Socket, connection: Connection): void {
    const ends = endsOf(socket);
    this.#byEnds.set(ends, connection);
    socket.once("close", () => {
      if (this.#byEnds.get(ends) === connection) this.#byEnds.delete(ends);
    });
  }

  /** TLS wraps the accepted socket in another; both have the same ends, and are one connection. */
  #acceptSecure(socket: Socket): void {
    socket.on("error", ignore);
    const connection = this.#byEnds.get(endsOf(socket));
    if (connection === undefined) return void socket.destroy();
    this.#secured.set(socket, connection);
  }

  /** `expected`: the client waits for 100 before it sends the body. */
  #request(message: IncomingMessage, response: ServerResponse, expected = false): void {
    message.on("error", ignore);
    response.on("error", ignore);
    const connection = this.#open.get(message.socket) ?? this.#secured.get(message.socket);
    if (connection === undefined) return void message.socket.destroy();
    connection.underway++;
    connection.response = response;
    response.once("close", () => this.#answered(message.socket, connection));
    const refusal = refusedRequest(message);
    if (refusal !== undefined) return this.#refuse(message.socket, ...refusal);
    const incoming = new NodeRequest(message, response, connection);
    if (expected && incoming.announcesBody()) response.writeContinue();
    this.#handle(incoming, response);
  }

  #answered(socket: Socket, connection: Connection): void {
    connection.underway--;
    if (this.#closing && connection.underway === 0) socket.destroySoon();
  }

  #handle(incoming: NodeRequest, response: ServerResponse): void {
    try {
      this.#answer(response, this.#options.handler(incoming), () => incoming.endsConnection());
    } catch {
      this.#fail(response);
    }
  }

  #answer(
    response: ServerResponse,
    answer: Answer,
    ends: () => boolean,
  ): void {
    if (!(answer instanceof Promise)) return this.#write(response, answer, ends());
    answer.then(
      (reply) => this.#write(response, reply, ends()),
      () => this.#fail(response),
    );
  }

  #write(response: ServerResponse, reply: Reply, ends: boolean): void {
    const last = this.#closing || ends || reply.last === true;
    if (response.destroyed) return discard(reply);
    try {
      writeReply(response, reply, last);
    } catch {
      this.#fail(response);
    }
  }

  #fail(response: ServerResponse): void {
    if (response.headersSent) return void response.destroy();
    try {
      response.writeHead(500, { "Content-Length": "0" });
      response.end();
    } catch {
      response.destroy();
    }
  }
}

function ignore(): void {}

/** Whether the parser's error no longer matters to the request being answered, which is the last. */
function isPastLastRequest({ response }: Connection): boolean {
  return response?.shouldKeepAlive === false && (response.writableEnded || response.req.complete);
}

/** A key that no two open connections of a listener share. */
function endsOf(socket: Socket): string {
  const { remoteAddress, remotePort, localAddress } = socket;
  return `${remoteAddress} ${remotePort} ${localAddress}`;
}

/**
 * Long enough for thousands of connections at once: if the queue is full, further handshakes are
 * dropped, and clients' kernels retry a second later. All that wait are accepted in one go, before
 * any of them can be closed for a limit; so the queue has to fit into the files left.
 */
function backlog(): number {
  return Math.max(8, Math.min(4096, Math.floor(openFilesLimit() / 6)));
}

function serverSettings({ limits }: ListenOptions) {
  return {
    headersTimeout: limits.headersTimeoutMs,
    requestTimeout: Math.max(limits.requestTimeoutMs, limits.headersTimeoutMs),
    keepAliveTimeout: limits.keepAliveTimeoutMs,
    connectionsCheckingInterval: Math.min(1000, Math.ceil(limits.headersTimeoutMs / 4)),
    maxHeaderSize: limits.maxHeaderBytes,
    // Refused below instead, with the same text as every other refusal.
    requireHostHeader: false,
  };
}

/**
 * Requests to refuse that node:http passes on: HTTP/0.9 and "HTTP/2.0" request lines; HTTP/1.1
 * without a Host; TRACE, which no web Request can have; and codings other than chunked, chunks
 * together with a length, and chunks in HTTP/1.0, at which its parser fails only afterwards.
 */
function refusedRequest(
  message: IncomingMessage,
): [status: number, line?: string] | undefined {
  const version = message.httpVersion;
  if (version !== "1.1" && version !== "1.0") return [505];
  if (version === "1.1" && message.headers.host === undefined) {
    return [400, "the Host header is missing"];
  }
  const coding = message.headers["transfer-encoding"];
  const length = message.headers["content-length"];
  const framed = coding === undefined ||
    coding.toLowerCase() === "chunked" && length === undefined && version === "1.1";
  if (!framed) return [400, framingMalformed];
  return message.method === "TRACE" ? [405] : undefined;
}

function statusOfFault(code: string | undefined): number {
  if (code === "HPE_HEADER_OVERFLOW") return 431;
  return code === "ERR_HTTP_REQUEST_TIMEOUT" ? 408 : 400;
}

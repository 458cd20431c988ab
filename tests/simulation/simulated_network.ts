/**
 * HTTP between named hosts without sockets: every message takes time; a link may be slow, cut (its
 * messages arrive once it is mended, as TCP sends them again), choked or lose its connections. Bodies are
 * streamed, and a reader that doesn't read stops the writer, as a full socket buffer does.
 */
import type { Random } from "./random.ts";
import type { Process, VirtualClock } from "./virtual_clock.ts";

/** What answers at a host. */
interface Endpoint {
  readonly process: Process;
  readonly answer: (request: Request, peer: string) => Response | Promise<Response>;
  /** Why a client doesn't trust the certificate shown to it; null if it does. */
  readonly distrust: (client: Pick<Caller, "process" | "trusted">) => string | null;
}

interface Link {
  cut: boolean;
  /** Of each answer nothing arrives after its first packet. */
  choked: boolean;
  slowMs: number;
  /** Requests arrive twice. */
  duplicates: boolean;
  readonly held: (() => void)[];
  readonly connections: Set<Exchange>;
  /** When the last message arrives: none overtakes another of its exchange. */
  readonly random: Random;
}

export interface Call {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: string;
  readonly signal?: AbortSignal;
}

interface Caller {
  readonly process: Process;
  readonly host: string;
  readonly trusted: ReadonlySet<string>;
  /** Sees the bytes of a stream of assignments as they are read. */
  readonly reads?: (bytes: Uint8Array) => void;
}

/** What a socket's buffers hold on the way. */
const bufferBytes = 65_536;
/** A packet's, on Ethernet. */
const packetBytes = 1_448;

export class SimulatedNetwork {
  readonly #clock: VirtualClock;
  readonly #random: Random;
  readonly #endpoints = new Map<string, Endpoint>();
  readonly #links = new Map<string, Link>();

  constructor(clock: VirtualClock, random: Random) {
    this.#clock = clock;
    this.#random = random;
  }

  /** Connections that are open now. */
  get open(): number {
    return [...this.#links.values()].reduce((sum, { connections }) => sum + connections.size, 0);
  }

  listen(host: string, endpoint: Endpoint): void {
    this.#endpoints.set(host, endpoint);
    endpoint.process.atEnd(() => {
      if (this.#endpoints.get(host) === endpoint) this.#endpoints.delete(host);
    });
  }

  isWhole(a: string, b: string): boolean {
    const { cut, choked, slowMs, duplicates } = this.#link(a, b);
    return !cut && !choked && slowMs === 0 && !duplicates;
  }

  cut(a: string, b: string): void {
    this.#link(a, b).cut = true;
  }

  isCut(a: string, b: string): boolean {
    return this.#link(a, b).cut;
  }

  choke(a: string, b: string): void {
    this.#link(a, b).choked = true;
  }

  slow(a: string, b: string, ms: number): void {
    this.#link(a, b).slowMs = ms;
  }

  duplicate(a: string, b: string): void {
    this.#link(a, b).duplicates = true;
  }

  /** Everything is as it was, and what was held back arrives. */
  mend(a: string, b: string): void {
    const link = this.#link(a, b);
    link.cut = link.choked = link.duplicates = false;
    link.slowMs = 0;
    for (const send of link.held.splice(0)) send();
  }

  /** Every connection between the two is reset. */
  reset(a: string, b: string): void {
    for (const exchange of [...this.#link(a, b).connections]) exchange.reset();
  }

  /** Since when each stream of assignments between the two has been open. */
  streams(node: string, server: string): readonly number[] {
    return [...this.#link(node, server).connections].map(({ streamsSince }) => streamsSince)
      .filter((since) => since !== null);
  }

  mendAll(): void {
    for (const key of this.#links.keys()) {
      const [a, b] = key.split(" ");
      this.mend(a!, b!);
    }
  }

  fetch(from: Caller, to: string, url: string, call: Call): Promise<Response> {
    const link = this.#link(from.host, to);
    const exchange = new Exchange({
      clock: this.#clock,
      link,
      client: from.process,
      peer: from.host,
      endpoint: () => this.#endpoints.get(to),
      trusted: from.trusted,
      reads: from.reads ?? (() => {}),
    });
    return exchange.start(url, call);
  }

  #link(a: string, b: string): Link {
    const key = [a, b].sort().join(" ");
    const known = this.#links.get(key);
    if (known !== undefined) return known;
    const random = this.#random.fork(key);
    const link = {
      cut: false,
      choked: false,
      slowMs: 0,
      duplicates: false,
      held: [],
      connections: new Set<Exchange>(),
      random,
    };
    this.#links.set(key, link);
    return link;
  }
}

interface ExchangeOptions {
  readonly clock: VirtualClock;
  readonly link: Link;
  readonly client: Process;
  readonly peer: string;
  readonly endpoint: () => Endpoint | undefined;
  readonly trusted: ReadonlySet<string>;
  readonly reads: (bytes: Uint8Array) => void;
}

class NetworkFault extends Error {
  override readonly name = "NetworkFault";
}

/** One request and its answer, over a connection of its own. */
class Exchange {
  readonly #options: ExchangeOptions;
  readonly #response = Promise.withResolvers<Response>();
  /** The request's, at the server. */
  readonly #gone = new AbortController();
  /** When the last message in each direction arrives. */
  readonly #arrival = { there: 0, back: 0 };
  /** Since when it has been a stream of assignments. */
  streamsSince: number | null = null;
  /** Of the answer's body. */
  #sentBytes = 0;
  #over = false;
  #server: Process | undefined;
  #body: ReadableStreamDefaultReader<Uint8Array> | undefined;
  #client: ReadableStreamDefaultController<Uint8Array> | undefined;
  /** Chunks that have arrived and weren't read. */
  #unread: Uint8Array[] = [];
  #wanted = false;
  #onTheWay = 0;
  #pumping = false;
  #ended = false;
  #forget: (() => void)[] = [];

  constructor(options: ExchangeOptions) {
    this.#options = options;
  }

  start(url: string, call: Call): Promise<Response> {
    const { client, link } = this.#options;
    const { signal } = call;
    if (signal?.aborted) return Promise.reject(signal.reason);
    link.connections.add(this);
    const abort = () => this.#abandon(signal!.reason);
    signal?.addEventListener("abort", abort, { once: true });
    this.#forget = [
      () => signal?.removeEventListener("abort", abort),
      client.atEnd(() => this.#abandon(new NetworkFault("the client died"))),
    ];
    this.#send("there", () => this.#arrives(url, call));
    if (link.duplicates) {
      const twin = new Exchange(this.#options);
      link.connections.add(twin);
      twin.#send("there", () => twin.#arrives(url, call));
      this.#options.clock.after(60_000, () => twin.#abandon(new NetworkFault("forgotten")));
      twin.#response.promise.catch(() => {});
    }
    return this.#response.promise;
  }

  /** As a middlebox resets it: both ends notice. */
  reset(): void {
    const fault = new NetworkFault("connection reset");
    this.#options.client.receive(() => this.#fail(fault));
    this.#leave();
    this.#finish();
  }

  /** A message takes its time; one over a cut link waits until that is mended. */
  #send(direction: "there" | "back", deliver: () => void): void {
    const { clock, link } = this.#options;
    const go = () => {
      const delay = 1 + link.random.next() * 4 + link.slowMs * (0.5 + link.random.next());
      const at = Math.max(clock.time + delay, this.#arrival[direction]);
      this.#arrival[direction] = at;
      clock.after(at - clock.time, () => {
        if (link.cut) link.held.push(deliver);
        else deliver();
      });
    };
    const isStuck = direction === "back" && link.choked && this.#sentBytes > packetBytes;
    if (link.cut || isStuck) link.held.push(go);
    else go();
  }

  #arrives(url: string, call: Call): void {
    if (this.#over) return;
    const endpoint = this.#options.endpoint();
    if (endpoint === undefined) return this.#refuse("connection refused");
    const distrust = endpoint.distrust({
      process: this.#options.client,
      trusted: this.#options.trusted,
    });
    if (distrust !== null) return this.#refuse(distrust);
    this.#server = endpoint.process;
    this.#forget.push(endpoint.process.atEnd(() => this.reset()));
    endpoint.process.receive(() => void this.#serve(endpoint, url, call));
  }

  #refuse(why: string): void {
    this.#send("back", () => {
      this.#options.client.receive(() => this.#fail(new NetworkFault(why)));
      this.#finish();
    });
  }

  async #serve(endpoint: Endpoint, url: string, call: Call): Promise<void> {
    if (this.#over) return;
    const headers = new Headers();
    for (const [name, value] of Object.entries(call.headers ?? {})) {
      for (const one of [value].flat()) headers.append(name, one);
    }
    const request = new Request(url, {
      method: call.method ?? "GET",
      headers,
      body: call.body ?? null,
      signal: this.#gone.signal,
    });
    const answer = await endpoint.answer(request, this.#options.peer);
    if (this.#over) return void answer.body?.cancel().catch(() => {});
    this.#body = answer.body?.getReader();
    const isStream = url.endsWith("/v1/assignments") && answer.status === 200;
    this.#send("back", () => {
      if (isStream) this.streamsSince = this.#options.clock.time;
      this.#options.client.receive(() => this.#opens(answer));
    });
    if (this.#body === undefined) this.#endLater();
    else void this.#pump();
  }

  #opens({ status, headers }: Response): void {
    if (this.#over && this.#body === undefined) return;
    if ([204, 205, 304].includes(status)) {
      this.#response.resolve(new Response(null, { status, headers }));
      return;
    }
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => void (this.#client = controller),
      pull: () => {
        this.#wanted = true;
        this.#feed();
      },
      cancel: () => this.#abandon(new NetworkFault("cancelled")),
    }, { highWaterMark: 0 });
    this.#response.resolve(new Response(body, { status, headers }));
  }

  /** Reads what the server writes, as long as the buffers take it. */
  async #pump(): Promise<void> {
    if (this.#pumping) return;
    this.#pumping = true;
    while (!this.#over && this.#onTheWay < bufferBytes) {
      const chunk = await this.#body!.read().catch(() => "failed" as const);
      if (this.#over || !this.#server!.isAlive) break;
      if (chunk === "failed") {
        this.reset();
        break;
      }
      if (chunk.done) {
        this.#endLater();
        break;
      }
      this.#onTheWay += chunk.value.length;
      for (const part of this.#inParts(chunk.value)) this.#sendPart(part);
    }
    this.#pumping = false;
  }

  /** A read takes what has come so far, wherever a packet ends. */
  #inParts(bytes: Uint8Array): readonly Uint8Array[] {
    if (bytes.length <= packetBytes) return [bytes];
    const { random, choked } = this.#options.link;
    const packets = Math.ceil(bytes.length / packetBytes);
    const first = packetBytes * (choked ? 1 : 1 + Math.floor(random.next() * (packets - 1)));
    return [bytes.subarray(0, first), bytes.subarray(first)];
  }

  #sendPart(part: Uint8Array): void {
    this.#sentBytes += part.length;
    this.#send("back", () =>
      this.#options.client.receive(() => {
        this.#unread.push(part);
        this.#feed();
      }));
  }

  #endLater(): void {
    this.#send("back", () => {
      this.#options.client.receive(() => {
        this.#ended = true;
        this.#feed();
      });
      this.#finish();
    });
  }

  #feed(): void {
    const controller = this.#client;
    if (controller === undefined) return;
    const next = this.#wanted ? this.#unread.shift() : undefined;
    if (next !== undefined) {
      this.#wanted = false;
      this.#onTheWay -= next.length;
      if (this.streamsSince !== null) this.#options.reads(next);
      controller.enqueue(next);
      if (!this.#over) void this.#pump();
    } else if (this.#ended && this.#unread.length === 0) {
      this.#client = undefined;
      controller.close();
    }
  }

  /** The client has given up, or is gone; the server learns of it later. */
  #abandon(reason: unknown): void {
    if (this.#options.client.isAlive) this.#fail(reason);
    if (this.#over) return;
    this.#send("there", () => this.#leave());
    this.#finish();
  }

  #fail(reason: unknown): void {
    this.#response.reject(reason);
    this.#response.promise.catch(() => {});
    this.#unread = [];
    const controller = this.#client;
    this.#client = undefined;
    controller?.error(reason);
  }

  #leave(): void {
    const { clock } = this.#options;
    clock.after(1, () =>
      this.#server?.receive(() => {
        this.#gone.abort(new NetworkFault("the client is gone"));
        void this.#body?.cancel().catch(() => {});
      }));
  }

  #finish(): void {
    if (this.#over) return;
    this.#over = true;
    this.#options.link.connections.delete(this);
    for (const forget of this.#forget) forget();
  }
}

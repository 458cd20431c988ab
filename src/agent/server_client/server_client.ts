/**
 * Keeps a stream of assignments open: chooses among the server's addresses, waits between tries,
 * and opens the next stream before the token of the present one ends. What the frames mean is
 * `assignments.ts`'s.
 */
import { type AssignFrame, decodeFrame } from "../../protocol/frames.ts";
import type { AssignmentStream } from "../assignments/assignments.ts";
import { CuttableWait } from "./cuttable_wait.ts";
import { Connection } from "./connection.ts";
import { serverAddresses } from "./server_addresses.ts";
import { oneLine, ServerFault } from "./server_fault.ts";
import type { GetAccess } from "./server_access.ts";
import { Backoff } from "../../time/backoff.ts";
import { withDeadline } from "../../time/deadline.ts";
import { pause } from "../../time/pause.ts";
import type { Clock, Log } from "../ports.ts";

const spreadMs = 3000;
const pollMs = 2000;
/** The kubelet writes a fresh token when a fifth of its life, 120 s of 600, is left. */
const renewAheadMs = 60_000;
const stalledForMs = 30_000;
const requestMs = 2000;
const retryDelays = { minMs: 1000, maxMs: 30_000 };

export interface ServerClientOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** 0 up to 1. */
  readonly random: () => number;
  /** `--server`, without a slash at its end. */
  readonly server: string;
  readonly access: GetAccess;
  /** The addresses of a name. */
  readonly resolve: (name: string) => Promise<readonly string[]>;
  readonly openStream: () => AssignmentStream;
}

export interface ServerClientStatus {
  readonly connected: boolean;
  readonly address: string | null;
  /** Milliseconds since the epoch; null before the first frame. */
  readonly lastFrameAt: number | null;
  /** What stands in the way, in one line; null while connected. */
  readonly problem: string | null;
}

export class ServerClient {
  readonly #options: ServerClientOptions;
  #current: Connection | null = null;
  #problem: string | null = "no connection to the server yet";
  #lastFrameAt: number | null = null;
  #waits: CuttableWait;

  constructor(options: ServerClientOptions) {
    this.#options = options;
    this.#waits = new CuttableWait(options.clock);
  }

  /** Runs until the signal aborts, then settles with every stream closed. */
  async run(signal: AbortSignal): Promise<void> {
    // No try comes before the first, so a pod that asks already needn't wait at all.
    await this.#waits.wait(this.#options.random() * spreadMs, signal, 0);
    const { random } = this.#options;
    const backoff = new Backoff({ ...retryDelays, random });
    while (!signal.aborted) {
      const connection = await this.#open(signal, null);
      const led = connection !== undefined && await this.#keep(connection, signal);
      if (led) backoff.reset();
      await this.#waits.wait(led ? random() * spreadMs : backoff.next(), signal);
    }
  }

  /** A request waits: connect now rather than at the moment drawn by lot. */
  hurry(): void {
    if (this.#current === null) this.#waits.cut();
  }

  status(): ServerClientStatus {
    const current = this.#current;
    return {
      connected: current !== null,
      address: current?.address ?? null,
      lastFrameAt: current?.lastFrameAt ?? this.#lastFrameAt,
      problem: current ? null : this.#problem,
    };
  }

  /** The server's word on one address; null where it knows none or two claim it. */
  async readPod(ip: string): Promise<AssignFrame | null> {
    const response = await this.request(`/v1/pods/by-ip/${encodeURIComponent(ip)}`);
    const text = await response.text();
    if (response.status === 404 || response.status === 409) return null;
    if (response.status !== 200) {
      throw new ServerFault("refused", `direct read: ${response.status}: ${oneLine(text)}`);
    }
    const frame = decodeFrame(text);
    return frame?.type === "assign" ? frame : null;
  }

  /**
   * One request to the replica whose stream is followed, answered within 2 s.
   * @throws {ServerFault} there is no stream now, or no answer.
   */
  async request(path: string, body?: string): Promise<Response> {
    const { clock, server, access } = this.#options;
    const address = this.#current?.address;
    if (address === undefined) throw new ServerFault("unreachable", "not connected to a server");
    const { client, token } = await access();
    const headers = { Authorization: `Bearer ${token.text}` };
    const init = body === undefined ? { headers } : {
      method: "POST",
      headers: { ...headers, "Content-Type": "application/json" },
      body,
    };
    return await withDeadline(
      { clock, ms: requestMs },
      (signal) => client.fetch(server + path, { ...init, address, signal }),
    );
  }

  /** Follows a connection and its successors; whether any snapshot came to be used. */
  async #keep(first: Connection, signal: AbortSignal): Promise<boolean> {
    let current = first;
    let led = false;
    void first.takesOver().then((does) => led ||= does);
    this.#connected(current);
    const backoff = new Backoff({ ...retryDelays, random: this.#options.random });
    while (await this.#replacementDue(current, signal)) {
      const stalled = current.stalledSince !== null;
      const next = await this.#open(signal, stalled ? current.address : null);
      if (next && await this.#succeeds(next, current)) {
        current.close();
        current = next;
        led = true;
        backoff.reset();
        this.#connected(current);
      } else {
        next?.close();
        await pause(this.#options.clock, backoff.next(), signal);
      }
    }
    const why = await current.ended;
    this.#lost(why, signal);
    return led;
  }

  async #succeeds(next: Connection, current: Connection): Promise<boolean> {
    return await next.takesOver() || (current.over.aborted && !next.over.aborted);
  }

  /** Waits until the connection should be replaced; false when it is over instead. */
  async #replacementDue(current: Connection, signal: AbortSignal): Promise<boolean> {
    const over = AbortSignal.any([current.over, signal]);
    const early = renewAheadMs * (1 - this.#options.random() / 2);
    while (!over.aborted) {
      if (this.#stalled(current) || await this.#outlived(current, early)) return true;
      await pause(this.#options.clock, pollMs, over);
    }
    return false;
  }

  /** Its watch has stood still for long; a successor takes over only if its own is fresh. */
  #stalled({ stalledSince }: Connection): boolean {
    return stalledSince !== null && this.#options.clock.monotonic() - stalledSince >= stalledForMs;
  }

  /** Its token is about to end, and the file holds one that lasts longer. */
  async #outlived(current: Connection, earlyMs: number): Promise<boolean> {
    const { expiresAt } = current.access.token;
    if (expiresAt === null || this.#options.clock.now() < expiresAt - earlyMs) return false;
    const fresh = await this.#options.access().catch(() => undefined);
    return fresh !== undefined && (fresh.token.expiresAt ?? Infinity) > expiresAt;
  }

  /** Tries every address once, in an order drawn by lot; what failed is kept as the problem. */
  async #open(signal: AbortSignal, avoid: string | null): Promise<Connection | undefined> {
    const { clock, server, openStream } = this.#options;
    let problem: unknown;
    try {
      const access = await this.#options.access();
      for (const address of await serverAddresses(this.#options, avoid)) {
        try {
          return await Connection.open({ clock, server, address, access, openStream, signal });
        } catch (fault) {
          problem = fault;
        }
        if (signal.aborted) return undefined;
      }
    } catch (fault) {
      problem = fault;
    }
    if (problem !== undefined) this.#troubled(problem);
    return undefined;
  }

  #connected(connection: Connection): void {
    this.#current = connection;
    this.#problem = null;
    this.#waits = new CuttableWait(this.#options.clock);
    this.#options.log.info({ address: connection.address }, "server connected");
  }

  #lost(why: ServerFault, signal: AbortSignal): void {
    this.#lastFrameAt = this.#current?.lastFrameAt ?? this.#lastFrameAt;
    this.#current = null;
    this.#problem = why.message;
    if (signal.aborted) return;
    this.#options.log.warn({ code: why.code, problem: why.message }, "server connection lost");
  }

  #troubled(fault: unknown): void {
    const known = fault instanceof ServerFault ? fault : null;
    const problem = known?.message ?? oneLine(String(fault));
    if (problem !== this.#problem) {
      this.#options.log.warn(
        { code: known?.code ?? "unreachable", problem },
        "no server connection",
      );
    }
    this.#problem = problem;
  }
}

/**
 * Keeps a stream of assignments open: chooses among the server's addresses, waits between attempts,
 * and opens the next stream before the token of the current one expires. `assignments.ts` applies
 * the frames.
 */
import { type AssignFrame, decodeFrame } from "../../protocol/frames.ts";
import { Backoff } from "../../time/backoff.ts";
import { withDeadline } from "../../time/deadline.ts";
import { pause } from "../../time/pause.ts";
import type { Clock, Log } from "../ports.ts";
import { Connection, type StreamTarget } from "./connection.ts";
import type { GetAccess } from "./server_access.ts";
import { serverAddresses } from "./server_addresses.ts";
import { ServerFault } from "./server_fault.ts";
import { oneLine } from "../../telemetry/fault.ts";

const spreadMs = 3000;
const pollMs = 2000;
/** The kubelet writes a fresh token when a fifth of its life, 120 s of 600, is left. */
const renewAheadMs = 60_000;
const stalledForMs = 30_000;
const requestMs = 2000;
/** However many requests wait, attempts are never closer together than this. */
const betweenAttemptsMs = 100;
/** A request waits for less than this. */
const hurryMs = 1000;

interface ServerClientOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** From 0 up to 1. */
  readonly random: () => number;
  /** `--server`, without a trailing slash. */
  readonly server: string;
  readonly access: GetAccess;
  /** The addresses of a name. */
  readonly resolve: (name: string) => Promise<readonly string[]>;
}

export interface ServerClientStatus {
  readonly connected: boolean;
  readonly address: string | null;
  /** Milliseconds since the epoch; null before the first frame. */
  readonly lastFrameAt: number | null;
  /** Why there is no connection, in one line; null while connected. */
  readonly problem: string | null;
}

/** What `run` needs at every step. */
interface Run {
  readonly target: StreamTarget;
  readonly signal: AbortSignal;
}

export class ServerClient {
  readonly #options: ServerClientOptions;
  #current: Connection | null = null;
  #problem: string | null = "no connection to the server yet";
  #lastFrameAt: number | null = null;
  #hurry = new AbortController();
  #hurriedUntil = 0;

  constructor(options: ServerClientOptions) {
    this.#options = options;
  }

  /** Runs until the signal aborts, then settles with every stream closed. */
  async run(target: StreamTarget, signal: AbortSignal): Promise<void> {
    const { random } = this.#options;
    const backoff = this.#backoff(100);
    while (!signal.aborted) {
      const connection = await this.#open({ target, signal }, null);
      const led = connection !== undefined && await this.#keep(connection, { target, signal });
      if (led) backoff.reset();
      await this.#waitUnlessHurried(led ? random() * spreadMs : backoff.next(), signal);
    }
  }

  /** A request waits: connect now rather than at the scheduled time, and try again for as long. */
  hurry(): void {
    if (this.#current !== null) return;
    this.#hurriedUntil = this.#options.clock.monotonic() + hurryMs;
    this.#hurry.abort();
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

  /** Reads the pod at one address from the server; null if it knows none or two claim it. */
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
   * Sends one request to the replica whose stream is followed; it must answer within 2 s.
   * @throws {ServerFault} there is no stream now; otherwise the client's own error
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

  /** Follows a connection and its successors; resolves to whether any of their snapshots came into use. */
  async #keep(first: Connection, run: Run): Promise<boolean> {
    const backoff = this.#backoff(1000);
    let current = first;
    let led = false;
    void first.takesOver().then((does) => led ||= does);
    this.#connected(current);
    while (await this.#replacementDue(current, run.signal)) {
      const stalled = current.stalledSince !== null;
      const next = await this.#open(run, stalled ? current.address : null);
      if (next && await this.#succeeds(next, current)) {
        current.close();
        current = next;
        led = true;
        backoff.reset();
        this.#connected(current);
      } else {
        next?.close();
        await pause(this.#options.clock, backoff.next(), run.signal);
      }
    }
    const why = await current.ended;
    this.#lost(why, run.signal);
    return led;
  }

  async #succeeds(next: Connection, current: Connection): Promise<boolean> {
    return await next.takesOver() || (current.over.aborted && !next.over.aborted);
  }

  /** Waits until the connection should be replaced; false if it ends before. */
  async #replacementDue(current: Connection, signal: AbortSignal): Promise<boolean> {
    const over = AbortSignal.any([current.over, signal]);
    const early = renewAheadMs * (1 - this.#options.random() / 2);
    while (!over.aborted) {
      if (this.#stalled(current) || await this.#outlived(current, early)) return true;
      await pause(this.#options.clock, pollMs, over);
    }
    return false;
  }

  /** Its watch has made no progress for long; a successor takes over only if its own is fresh. */
  #stalled({ stalledSince }: Connection): boolean {
    return stalledSince !== null && this.#options.clock.monotonic() - stalledSince >= stalledForMs;
  }

  /** Its token is about to expire, and the file has one that lasts longer. */
  async #outlived(current: Connection, earlyMs: number): Promise<boolean> {
    const { expiresAt } = current.access.token;
    if (expiresAt === null || this.#options.clock.now() < expiresAt - earlyMs) return false;
    const fresh = await this.#options.access().catch(() => undefined);
    return fresh !== undefined && (fresh.token.expiresAt ?? Infinity) > expiresAt;
  }

  /** Tries every address once, in random order; the last failure is kept as the problem. */
  async #open({ target, signal }: Run, avoid: string | null): Promise<Connection | undefined> {
    const { clock, server } = this.#options;
    let problem: unknown;
    try {
      const access = await this.#options.access();
      for (const address of await serverAddresses(this.#options, avoid)) {
        try {
          return await Connection.open({ clock, server, address, access, target, signal });
        } catch (fault) {
          problem = fault;
        }
        if (signal.aborted) return undefined;
      }
    } catch (fault) {
      problem = fault;
    }
    if (problem !== undefined) this.#failed(problem);
    return undefined;
  }

  #backoff(minMs: number): Backoff {
    return new Backoff({ minMs, maxMs: 30_000, random: this.#options.random });
  }

  /** Waits `ms`, or {@link betweenAttemptsMs} if `hurry` is called before or meanwhile. */
  async #waitUnlessHurried(ms: number, signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    await pause(clock, Math.min(ms, betweenAttemptsMs), signal);
    await pause(clock, ms - betweenAttemptsMs, AbortSignal.any([this.#hurry.signal, signal]));
    if (clock.monotonic() >= this.#hurriedUntil) this.#hurry = new AbortController();
  }

  #connected(connection: Connection): void {
    this.#current = connection;
    this.#problem = null;
    this.#hurry = new AbortController();
    this.#options.log.info({ address: connection.address }, "server connected");
  }

  #lost(why: ServerFault, signal: AbortSignal): void {
    this.#lastFrameAt = this.#current?.lastFrameAt ?? this.#lastFrameAt;
    this.#current = null;
    this.#problem = why.message;
    if (signal.aborted) return;
    this.#options.log.warn({ code: why.code, problem: why.message }, "server connection lost");
  }

  #failed(fault: unknown): void {
    const known = fault instanceof ServerFault ? fault : null;
    const problem = known?.message ?? oneLine(String(fault));
    if (problem !== this.#problem) {
      this.#options.log.warn(
        { code: known?.code ?? "unreachable", problem },
        "not connected to the server",
      );
    }
    this.#problem = problem;
  }
}

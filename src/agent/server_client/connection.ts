/** One stream of assignments from one address of the server, from its opening to its end. */
import { messageOf, oneLine } from "../../telemetry/fault.ts";
import { decodeFrame, type Frame } from "../../protocol/frames.ts";
import { textLines } from "../../net/lines.ts";
import { type AssignmentStream, freshWatchSeconds } from "../assignments/assignments.ts";
import type { Clock } from "../ports.ts";
import { withDeadline } from "../../time/deadline.ts";
import { pause } from "../../time/pause.ts";
import { ServerFault } from "./server_fault.ts";
import type { ServerAccess } from "./server_access.ts";

type PingFrame = Extract<Frame, { type: "ping" }>;

const attemptMs = 2000;
/** The server sends a ping every 5 s. */
const silenceMs = 12_000;
const takeOverMs = 15_000;
const maxLineChars = 1 << 20;

/** Takes the frames of each connection. */
export interface StreamTarget {
  openStream(): AssignmentStream;
}

interface ConnectionOptions {
  readonly clock: Clock;
  /** Such as `https://rolecall-server:8443`. */
  readonly server: string;
  readonly address: string;
  readonly access: ServerAccess;
  readonly target: StreamTarget;
  readonly signal: AbortSignal;
}

export class Connection {
  readonly address: string;
  readonly access: ServerAccess;
  readonly #clock: Clock;
  readonly #stop = new AbortController();
  readonly #over = new AbortController();
  readonly #stream: AssignmentStream;
  readonly #leads: PromiseWithResolvers<boolean> = Promise.withResolvers();
  /** Monotonic; the server's stream began no earlier. */
  readonly #requestedAt: number;
  #lastFrameAt: number;
  #stalledSince: number | null = null;

  /**
   * Requests the stream from one address, for 2 s at most, and follows it.
   * @throws {ServerFault} unreachable, or refused with the server's reason
   */
  static async open(options: ConnectionOptions): Promise<Connection> {
    const stop = new AbortController();
    const signal = AbortSignal.any([options.signal, stop.signal]);
    const requestedAt = options.clock.monotonic();
    const response = await request(options, signal);
    return new Connection(options, response, stop, requestedAt);
  }

  private constructor(
    options: ConnectionOptions,
    response: Response,
    stop: AbortController,
    requestedAt: number,
  ) {
    this.#requestedAt = requestedAt;
    this.address = options.address;
    this.access = options.access;
    this.#clock = options.clock;
    this.#stop = stop;
    this.#lastFrameAt = options.clock.now();
    this.#stream = options.target.openStream();
    const bytes = response.body ?? new Blob().stream();
    this.ended = this.#follow(bytes, options.signal);
  }

  /** Why the stream ended; it never rejects. */
  readonly ended: Promise<ServerFault>;

  /** Aborts when the stream has ended. */
  get over(): AbortSignal {
    return this.#over.signal;
  }

  /** Monotonic; since when its pings show a watch that isn't fresh; null = fresh. */
  get stalledSince(): number | null {
    return this.#stalledSince;
  }

  get lastFrameAt(): number {
    return this.#lastFrameAt;
  }

  /** True once its snapshot is in use; false if that doesn't happen within 15 s. */
  async takesOver(): Promise<boolean> {
    void pause(this.#clock, takeOverMs, this.over).then(() => this.#leads.resolve(false));
    return await this.#leads.promise;
  }

  close(): void {
    this.#stop.abort();
  }

  async #follow(bytes: ReadableStream<Uint8Array>, signal: AbortSignal): Promise<ServerFault> {
    const stopped = AbortSignal.any([this.#stop.signal, signal]);
    const lines = textLines(bytes, maxLineChars, stopped);
    try {
      for (;;) {
        const { done, value } = await this.#next(lines);
        if (done) return new ServerFault("ended", `${this.address}: the server ended the stream`);
        this.#take(value);
      }
    } catch (fault) {
      return stopped.aborted
        ? new ServerFault("replaced", "closed by the agent")
        : this.#faultOf(fault);
    } finally {
      this.#stop.abort();
      this.#stream.close();
      this.#leads.resolve(false);
      this.#over.abort();
    }
  }

  /** The next line, within the time the server may be silent. */
  #next(lines: AsyncGenerator<string>): Promise<IteratorResult<string>> {
    const fault = () =>
      new ServerFault("silent", `${this.address}: no frame for ${silenceMs / 1000} s`);
    return withDeadline({ clock: this.#clock, ms: silenceMs, fault }, () => lines.next());
  }

  #take(line: string): void {
    const decoded = decodeFrame(line);
    this.#lastFrameAt = this.#clock.now();
    if (!decoded) return;
    const frame = decoded.type === "ping" ? this.#aged(decoded) : decoded;
    this.#watch(frame);
    this.#stream.apply(frame);
    if (this.#stream.leads) this.#leads.resolve(true);
  }

  /**
   * Adds the time since it was sent: it may have been buffered, or this process paused.
   * @throws {ServerFault} it is later than a server may be silent
   */
  #aged(ping: PingFrame): PingFrame {
    const sentAt = this.#requestedAt + (ping.sentAfterSeconds ?? Infinity) * 1000;
    const lateMs = Math.max(0, this.#clock.monotonic() - sentAt);
    if (lateMs > silenceMs) {
      throw new ServerFault("silent", `${this.address}: its frames arrive too late`);
    }
    return { ...ping, watchAgeSeconds: ping.watchAgeSeconds + lateMs / 1000 };
  }

  #watch(frame: Frame): void {
    if (frame.type !== "ping") return;
    const fresh = frame.watchAgeSeconds < freshWatchSeconds;
    this.#stalledSince = fresh ? null : this.#stalledSince ?? this.#clock.monotonic();
  }

  #faultOf(fault: unknown): ServerFault {
    if (fault instanceof ServerFault) return fault;
    const { code, message } = fault as { code?: unknown; message?: unknown };
    const malformed = code === "frame_malformed" || code === "line_too_long";
    const text = `${this.address}: ${oneLine(String(message ?? fault))}`;
    return new ServerFault(malformed ? "malformed" : "ended", text, fault);
  }
}

async function request(options: ConnectionOptions, signal: AbortSignal): Promise<Response> {
  const { server, address, access, clock } = options;
  const headers = { Authorization: `Bearer ${access.token.text}` };
  let response: Response;
  try {
    response = await withDeadline(
      { clock, ms: attemptMs, signal },
      (signal) => access.client.fetch(`${server}/v1/assignments`, { headers, address, signal }),
    );
  } catch (fault) {
    const why = oneLine(messageOf(fault));
    throw new ServerFault("unreachable", `${server} at ${address}: ${why}`, fault);
  }
  if (response.status === 200) return response;
  const reason = oneLine(await response.text().catch(() => ""));
  throw new ServerFault(
    "refused",
    `${server} at ${address} answered ${response.status}: ${reason}`,
  );
}

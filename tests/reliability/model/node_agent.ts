/** One agent as the model needs it: streams from replicas, read as late as a history says. */
import type { Assignments, AssignmentStream } from "../../../src/agent/assignments/assignments.ts";
import type { Callers } from "../../../src/agent/identity/callers.ts";
import type { CallerLookup } from "../../../src/agent/ports.ts";
import { decodeFrame } from "../../../src/protocol/frames.ts";
import { type ManualClock, settled } from "../../fakes/manual_clock.ts";
import { callersOfTest, connectionFrom } from "../../fakes/callers.ts";
import type { FakeSandboxes } from "../../fakes/sandboxes.ts";
import type { Replica } from "./replica.ts";
import { nodeAddress } from "./truth.ts";

interface Connection {
  readonly reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly stream: AssignmentStream;
  /** A read that hasn't brought anything yet. */
  pending: Promise<Uint8Array | undefined> | null;
}

const never = new AbortController().signal;

export class NodeAgent {
  readonly #assignments: Assignments;
  readonly #callers: Callers;
  readonly #clock: ManualClock;
  #connections: Connection[] = [];

  constructor(clock: ManualClock, runtime: FakeSandboxes | null) {
    this.#clock = clock;
    const agent = callersOfTest({ clock, runtime, ownAddresses: [nodeAddress] });
    this.#assignments = agent.assignments;
    this.#callers = agent.callers;
  }

  /** Opens a stream; the agent overlaps two at the most. */
  connect(replica: Replica): void {
    if (this.#connections.length >= 2) this.disconnect();
    const reader = replica.open().body.getReader();
    reader.closed.catch(() => {});
    this.#connections.push({ reader, stream: this.#assignments.openStream(), pending: null });
  }

  /** The oldest stream is closed. */
  disconnect(): void {
    const oldest = this.#connections.shift();
    if (!oldest) return;
    oldest.stream.close();
    oldest.reader.cancel().catch(() => {});
  }

  /** Takes a chunk of what one stream has, if anything. */
  async read(nth: number): Promise<void> {
    const connection = this.#connections[nth % Math.max(1, this.#connections.length)];
    if (connection) await this.#take(connection);
  }

  /** Takes all there is. */
  async readAll(): Promise<void> {
    for (const connection of [...this.#connections]) {
      while (await this.#take(connection)) continue;
    }
  }

  async #take(connection: Connection): Promise<boolean> {
    const pending = connection.pending ??= connection.reader.read().then(
      ({ value }) => value ?? new Uint8Array(),
      () => new Uint8Array(),
    );
    const chunk = await Promise.race([pending, settled().then(() => undefined)]);
    if (chunk === undefined) return false;
    connection.pending = null;
    if (chunk.length === 0) {
      this.#ended(connection);
      return false;
    }
    for (const line of new TextDecoder().decode(chunk).trimEnd().split("\n")) {
      const frame = decodeFrame(line);
      if (frame) connection.stream.apply(frame);
    }
    return true;
  }

  /** The answer to a request from the address, which may take a moment. */
  async ask(ip: string): Promise<CallerLookup> {
    const asking = this.#callers.waitFor(connectionFrom(ip), 20, never);
    await this.#clock.advance(20);
    return await asking;
  }

  #ended(connection: Connection): void {
    connection.stream.close();
    this.#connections = this.#connections.filter((other) => other !== connection);
  }
}

/**
 * One agent as the model needs it: streams from replicas, read as late as a history says. It records
 * what happens to it as a scenario (`../identity/README.md`).
 */
import type { AssignmentStream } from "../../../src/agent/assignments/assignments.ts";
import type { CallerLookup } from "../../../src/agent/ports.ts";
import { decodeFrame, type Frame } from "../../../src/protocol/frames.ts";
import { flushPromises } from "../../fakes/manual_clock.ts";
import { AgentOnNode, type AgentOptions, answerOf, type NodeFakes } from "../identity/node.ts";
import type { Replica } from "./replica.ts";

interface Connection {
  readonly name: string;
  readonly reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly stream: AssignmentStream;
  /** A read that hasn't returned yet. */
  pending: Promise<Uint8Array | undefined> | null;
}

const never = new AbortController().signal;

export class NodeAgent {
  readonly #agent: AgentOnNode;
  readonly #around: NodeFakes;
  readonly #note: (line: string) => void;
  #connections: Connection[] = [];
  #streams = 0;
  #port = 20_000;

  private constructor(agent: AgentOnNode, around: NodeFakes, note: (line: string) => void) {
    this.#agent = agent;
    this.#around = around;
    this.#note = note;
  }

  static async start(
    around: NodeFakes,
    identity: AgentOptions["identity"],
    note: (line: string) => void,
  ): Promise<NodeAgent> {
    note(`start-agent identity=${identity} not-connected`);
    const agent = await AgentOnNode.start(around, {
      identity,
      withRuntime: identity === "runtime",
    });
    return new NodeAgent(agent, around, note);
  }

  /** Opens a stream; the agent has at most two. */
  connect(replica: Replica): void {
    if (this.#connections.length >= 2) this.disconnect();
    const reader = replica.open().body.getReader();
    reader.closed.catch(() => {});
    const name = String(++this.#streams);
    this.#note(`open-stream ${name}`);
    const stream = this.#agent.assignments.openStream();
    this.#connections.push({ name, reader, stream, pending: null });
  }

  /** Closes the oldest stream. */
  disconnect(): void {
    const oldest = this.#connections.shift();
    if (!oldest) return;
    this.#end(oldest);
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
    const chunk = await Promise.race([pending, flushPromises().then(() => undefined)]);
    if (chunk === undefined) return false;
    connection.pending = null;
    if (chunk.length === 0) {
      this.#connections = this.#connections.filter((other) => other !== connection);
      this.#end(connection);
      return false;
    }
    for (const line of new TextDecoder().decode(chunk).trimEnd().split("\n")) {
      const frame = decodeFrame(line);
      if (!frame) continue;
      this.#note(`${commandOf(frame, this.#around.clock.now())} stream=${connection.name}`);
      connection.stream.apply(frame);
    }
    return true;
  }

  #end({ name, stream }: Connection): void {
    this.#note(`close-stream ${name}`);
    stream.close();
  }

  /** An end at the address that no connection has had. */
  end(ip: string): string {
    return `${ip.includes(":") ? `[${ip}]` : ip}:${this.#port = this.#port % 60_000 + 1}`;
  }

  /** The answer to a request over a new connection; it may take a moment. */
  async send(end: string): Promise<CallerLookup> {
    const pending = this.#agent.callers.waitFor(this.#agent.accept(end), 20, never);
    await this.#around.clock.advance(20);
    const found = await pending;
    // Those that aren't answered are left out: each step sends a dozen.
    if (found.kind === "pod") {
      const proof = this.#agent.identity.kind === "kernel"
        ? `----\nproven: ${found.pod.uid}\n\n`
        : "";
      this.#note(`accept ${end}\n${proof}request ${end}\n----\n${answerOf(found)}\n`);
    }
    return found;
  }
}

function commandOf(frame: Frame, now: number): string {
  if (frame.type === "revoke") return `server-revokes ${frame.uid}`;
  if (frame.type === "ping") return `server-pings watch-age=${frame.watchAgeSeconds * 1000}ms`;
  if (frame.type === "synced") return "server-completes-snapshot";
  const { pod, role, denied } = frame;
  const ends = role?.credentials && Date.parse(role.credentials.expiration) - now;
  return [
    `server-assigns ${pod.uid} role=${denied ? "denied" : role?.identity ?? "none"}`,
    ...pod.ips.length > 0 ? [`ip=${pod.ips}`] : [],
    ...pod.hostNetwork ? ["host-network"] : [],
    ...pod.terminating ? ["terminating"] : [],
    ...pod.createdAt ? [`created=${pod.createdAt.slice(11, 19)}`] : [],
    ...role && ends === undefined ? ["pending"] : [],
    ...ends ? [`expires-in=${ends}ms`] : [],
    ...role?.credentials ? [`credentials=${role.credentials.accessKeyId}`] : [],
  ].join(" ");
}

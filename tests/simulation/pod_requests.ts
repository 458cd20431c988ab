/**
 * What a pod's SDK does: it requests credentials again and again, from the metadata service or with
 * the pod's token. Some requests are forged: from another pod's end of a connection, or with the
 * token of a pod that is gone.
 */
import type { ConnectionEnds } from "../../src/net/http_messages.ts";
import type { FakeProc } from "../fakes/fake_proc.ts";
import { fakeIncoming } from "../fakes/incoming.ts";
import { jwt } from "../fakes/jwt.ts";
import { MetadataClient, type Send, type SessionToken } from "./metadata_client.ts";
import type { Random } from "./random.ts";
import {
  isRunning,
  type RunningAgent,
  type SimulatedNode,
  type SimulatedPod,
} from "./simulated_node.ts";
import type { Process, VirtualClock } from "./virtual_clock.ts";

/** An answer to a pod's request for credentials. */
export interface PodAnswer {
  readonly node: SimulatedNode;
  /** The pod that sent it. */
  readonly pod: SimulatedPod;
  readonly connection: ConnectionEnds;
  /** The process that it was sent to. */
  readonly agent: Process;
  /** Whether the pod showed its token; else it used the metadata service. */
  readonly byToken: boolean;
  /** It was sent from another pod's address; whatever comes back may be only the sender's. */
  readonly forged: boolean;
  readonly status: number;
  readonly text: string;
  /** How long the PUT for a session token took; 0 without one. */
  readonly tokenMs: number;
  /** It was sent with a session token. */
  readonly hasSession: boolean;
  /** The session token that was refused before, so that the pod got another one. */
  readonly refused: SessionToken | null;
  /** When the request was sent, by the simulation's clock. */
  readonly sentAt: number;
}

interface Forgery {
  readonly address: string;
  readonly port: number;
  readonly hasSocket: boolean;
}

interface PodRequestsOptions {
  readonly clock: VirtualClock;
  readonly random: Random;
  readonly node: SimulatedNode;
  /** The node's IPv4 and IPv6 address, where its agent listens. */
  readonly ips: readonly [string, string];
  readonly proc: () => FakeProc;
  readonly answered: (answer: PodAnswer) => void;
}

export const listenPort = 8181;
/** Of the metadata service, by the family of the node's addresses. */
export const metadataEnds = [
  { address: "169.254.169.254", port: 80 },
  { address: "fd00:ec2::254", port: 80 },
] as const;
/** Where agents give credentials for tokens. */
export const tokenEnd = { host: "169.254.170.23", port: 80 };
/** Few, so that they are used again soon. */
const [firstPort, lastPort] = [30_000, 30_040];
/** An SDK gives up after this, as it does when the agent is gone. */
const patienceMs = 1_000;
/** The kubelet writes a new token long before the old one expires. */
const tokenSeconds = 3_600;
const noSession = { hasSession: false, refused: null };
/** Of session tokens, by how SDKs and people request them. */
const ttls = [60, 600, 21_600];

export class PodRequests {
  readonly #options: PodRequestsOptions;
  #port = firstPort;

  constructor(options: PodRequestsOptions) {
    this.#options = options;
  }

  /** Requests credentials again and again, as long as the sandbox with the address runs. */
  async live(pod: SimulatedPod, addresses: readonly string[]): Promise<void> {
    const { clock, node } = this.#options;
    const random = this.#options.random.fork(`${pod.uid} ${pod.since}`);
    const own = new MetadataClient(clock);
    const isAlive = () => pod.addresses === addresses && node.pods.get(pod.uid) === pod;
    // On the host's network nothing else gives credentials.
    const isOnHost = pod.network === "host-network";
    const hasToken = isOnHost || random.chance(0.2);
    for (let visits = 0; isAlive(); visits++) {
      // Every second visit at most, so that each pod has its own answers within `roundMs`.
      const forged = visits % 2 === 1 && random.chance(0.2) ? this.#forgery(pod, random) : null;
      const visitsAll = isOnHost && visits % 4 === 1;
      if (forged === null && hasToken && !visitsAll) await this.#showToken(pod);
      else {
        const client = forged === null ? own : new MetadataClient(clock);
        await this.#visit(pod, { client, random, isAlive, forged });
      }
      await clock.pause(500 + random.next() * 30_000);
    }
    // Somebody else has its token.
    const isGone = () => pod.process === null && !node.pods.has(pod.uid);
    for (let times = 3; hasToken && times > 0 && isGone(); times--) {
      await this.#showToken(pod);
      await clock.pause(random.next() * 60_000);
    }
  }

  /** One connection: a session token as SDKs have it, then the credentials, once or a few times. */
  async #visit(
    pod: SimulatedPod,
    { client, random, isAlive, forged }: {
      readonly client: MetadataClient;
      readonly random: Random;
      readonly isAlive: () => boolean;
      /** Another pod's end of a connection, from which it sends; null: its own. */
      readonly forged: Forgery | null;
    },
  ): Promise<void> {
    const { clock, node, ips, answered } = this.#options;
    const { running } = node;
    if (running === null) return;
    const peer = forged?.address ?? random.pick(pod.addresses);
    const peerPort = forged?.port ?? this.#nextPort();
    const family = peer.includes(":") ? 1 : 0;
    const connection = { peer, peerPort, local: ips[family], localPort: listenPort };
    const proc = this.#options.proc();
    const sender = pod.process!;
    const { namespace } = sender;
    const socket = forged === null || forged.hasSocket
      ? proc.connect(namespace, endText(peer, peerPort), { remote: this.#remote(pod, family) })
      : null;
    if (forged === null) pod.ports.add(peerPort);
    running.process.receive(() => running.agent.accepted(connection));
    for (let times = random.between(1, 3); times > 0 && isAlive() && !isOver(running); times--) {
      const sentAt = clock.time;
      const send = this.#sender(running, connection);
      const ttlSeconds = random.chance(0.5) ? random.pick(ttls) : null;
      const answer = await client.credentials({ send, agent: running.process, peer, ttlSeconds });
      // The answer to a sandbox that has ended reaches nobody: its sockets ended with it.
      if (pod.process !== sender) break;
      const about = { node, pod, connection, agent: running.process, sentAt, ...answer };
      answered({ ...about, byToken: false, forged: forged !== null });
      await clock.pause(random.next() * 3_000);
    }
    if (socket !== null) proc.close(namespace, socket);
    if (forged === null) pod.ports.delete(peerPort);
  }

  /** A request to the container credentials, with the token that the kubelet mounts. */
  async #showToken(pod: SimulatedPod): Promise<void> {
    const { clock, node, ips, answered } = this.#options;
    const { running } = node;
    if (running === null) return;
    const sentAt = clock.time;
    const exp = Math.floor(clock.now() / 1_000 / tokenSeconds + 1) * tokenSeconds + 600;
    const token = jwt({ aud: ["rolecall-pod"], exp, sub: "pod", uid: pod.uid });
    const peer = pod.addresses[0] ?? ips[0];
    const connection = { peer, peerPort: this.#nextPort(), local: tokenEnd.host, localPort: 80 };
    const headers = [["Host", tokenEnd.host], ["Authorization", token]] as const;
    const send = this.#sender(running, connection);
    const answer = await send({ method: "GET", target: "/v1/credentials", headers });
    const about = { node, pod, connection, agent: running.process, sentAt, ...answer };
    answered({ ...about, byToken: true, forged: false, tokenMs: 0, ...noSession });
  }

  /** Nothing redirects a pod on the host's network, so it requests what it wants of the agent itself. */
  #remote({ network }: SimulatedPod, family: 0 | 1): string {
    const { address, port } = metadataEnds[family];
    if (network !== "host-network") return endText(address, port);
    return endText(this.#options.ips[family], listenPort);
  }

  #nextPort(): number {
    return this.#port = this.#port === lastPort ? firstPort : this.#port + 1;
  }

  /**
   * The end of another pod: with raw packets from a new port or from that of a connection which the
   * pod has open, or with a socket of its own that has the pod's address.
   */
  #forgery(pod: SimulatedPod, random: Random): Forgery | null {
    const { node } = this.#options;
    // Only the kernel shows who really sent a packet.
    if (node.identity !== "kernel") return null;
    const others = [...node.pods.values()].filter((one) => one !== pod && isRunning(one));
    if (others.length === 0) return null;
    const { addresses, ports } = random.pick(others);
    const [open] = ports;
    const reuses = open !== undefined && random.chance(0.5);
    const port = reuses ? open : this.#nextPort();
    return { address: random.pick(addresses), port, hasSocket: !reuses && random.chance(0.5) };
  }

  /** Sends requests over one connection until one isn't answered in time. */
  #sender({ process, agent }: RunningAgent, connection: ConnectionEnds): Send {
    const { clock } = this.#options;
    const { signal, gone } = abortable();
    const isForTokens = connection.local === tokenEnd.host;
    const front = isForTokens ? agent.credentialsFront : agent.front;
    return async ({ method, target, headers }) => {
      const { peer, peerPort, local } = connection;
      const request = { method, target, headers, peer, peerPort, local, signal };
      const incoming = { ...fakeIncoming(request), connection };
      const answer = await new Promise<{ status: number; text: string } | null>((resolve) => {
        const cancel = clock.after(patienceMs, () => {
          gone();
          resolve(null);
        });
        process.receive(() => {
          void Promise.resolve(front(incoming)).then(({ status, body }) => {
            if (!process.isAlive) return;
            cancel();
            resolve({ status, text: textOf(body) });
          });
        });
      });
      return answer ?? { status: 0, text: "no answer" };
    };
  }
}

function endText(address: string, port: number): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

function abortable() {
  const controller = new AbortController();
  return { signal: controller.signal, gone: () => controller.abort() };
}

function isOver({ process }: RunningAgent): boolean {
  return !process.isAlive;
}

function textOf(body: unknown): string {
  if (typeof body === "string") return body;
  return body instanceof Uint8Array ? new TextDecoder().decode(body) : "";
}

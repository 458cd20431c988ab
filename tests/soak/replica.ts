/** A server over a real socket whose watch, STS and life a soak disturbs. */
import { Registry } from "prom-client";
import type { PodFacts } from "../../src/policy/facts.ts";
import type { Listener } from "../../src/runtime/contract.ts";
import { listen } from "../../src/runtime/http_listener.ts";
import { systemClock } from "../../src/runtime/system_clock.ts";
import { parseServerConfig } from "../../src/server/config.ts";
import { agentLimits, webHandler } from "../../src/server/listeners.ts";
import type { AssumeRole, TokenVerdict } from "../../src/server/ports.ts";
import { createServer, type Server } from "../../src/server/server.ts";
import { namespaceFacts, podFacts } from "../fakes/facts.ts";
import { quietLog } from "../fakes/quiet_log.ts";
import { type ApiEvent, nodeName } from "../reliability/model/truth.ts";

export const agentPod = podFacts({
  uid: "agent-uid",
  namespace: "rolecall",
  name: "rolecall-agent-x",
  nodeName,
  serviceAccount: "rolecall-agent",
  hostNetwork: true,
  ips: [],
});

const genuine: TokenVerdict = {
  kind: "authenticated",
  username: "system:serviceaccount:rolecall:rolecall-agent",
  audiences: ["rolecall-server"],
  podName: agentPod.name,
  podUid: agentPod.uid,
  nodeName,
};

export interface ReplicaParts {
  readonly address: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly pods: Iterable<PodFacts>;
  readonly assumeRole: AssumeRole;
}

/** Its timers end with it, as a process's do. */
class MortalClock {
  readonly now = systemClock.now;
  readonly monotonic = systemClock.monotonic;
  readonly #timers = new Set<() => void>();

  after(ms: number, run: () => void): () => void {
    const cancel = systemClock.after(ms, () => {
      this.#timers.delete(end);
      run();
    });
    const end = () => {
      this.#timers.delete(end);
      cancel();
    };
    this.#timers.add(end);
    return end;
  }

  die(): void {
    for (const end of [...this.#timers]) end();
  }
}

export class SoakReplica {
  readonly #clock: MortalClock;
  readonly #server: Server;
  readonly #listener: Listener;
  readonly #stop: AbortController;
  readonly #running: Promise<void>;
  #unseen: ApiEvent[] = [];
  #stalledAt: number | null = null;

  static async start(parts: ReplicaParts): Promise<SoakReplica> {
    // Asked when they are read, when the replica is there.
    const self: { replica?: SoakReplica } = {};
    const clock = new MortalClock();
    const server = serverOf(parts, clock, () => self.replica?.watchAgeSeconds ?? 0);
    server.index.namespaces.replace([namespaceFacts(), namespaceFacts({ name: "rolecall" })]);
    server.index.serviceAccounts.replace([]);
    server.index.pods.replace([agentPod, ...parts.pods]);
    const stop = new AbortController();
    const running = server.run(stop.signal);
    const listener = await listen({
      host: parts.address,
      port: parts.port,
      handler: webHandler((request, env) => server.app.fetch(request, env)),
      limits: agentLimits(1024),
    });
    return self.replica = new SoakReplica(clock, server, listener, stop, running);
  }

  private constructor(
    clock: MortalClock,
    server: Server,
    listener: Listener,
    stop: AbortController,
    running: Promise<void>,
  ) {
    this.#clock = clock;
    this.#server = server;
    this.#listener = listener;
    this.#stop = stop;
    this.#running = running;
  }

  get port(): number {
    return this.#listener.port;
  }

  get watchAgeSeconds(): number {
    return this.#stalledAt === null ? 0 : (systemClock.monotonic() - this.#stalledAt) / 1000;
  }

  notify(event: ApiEvent): void {
    if (this.#stalledAt !== null) return void this.#unseen.push(event);
    if (event.kind === "upsert") this.#server.index.pods.upsert(event.pod);
    else this.#server.index.pods.remove(event.uid);
  }

  stall(): void {
    this.#stalledAt ??= systemClock.monotonic();
  }

  resume(): void {
    this.#stalledAt = null;
    for (const event of this.#unseen.splice(0)) this.notify(event);
  }

  /** Connections are cut at once, as by kill -9. */
  async die(): Promise<void> {
    await this.#listener.close(0);
    this.#stop.abort();
    await this.#running;
    this.#clock.die();
  }
}

function serverOf(
  { address, assumeRole }: ReplicaParts,
  clock: MortalClock,
  watchAge: () => number,
): Server {
  const config = parseServerConfig(["--sts-rate=200", "--sts-concurrency=32"], {});
  if (config.kind !== "parsed") throw new Error(config.problems.join());
  return createServer({
    settings: config.settings,
    about: { version: "soak", runtime: "soak", replica: address },
    clock,
    random: Math.random,
    log: quietLog,
    registry: new Registry(),
    assumeRole,
    readCallerArns: () => Promise.resolve(["arn:aws:sts::111122223333:assumed-role/server/i-1"]),
    reviewToken: () => Promise.resolve(genuine),
    readPodsByAddress: () => Promise.resolve([]),
    eventSink: () => Promise.resolve(),
    watches: () => [{
      resource: "pods",
      synced: true,
      ageSeconds: watchAge(),
      restarts: 0,
      lastError: null,
    }],
    certificate: () => ({ expiresAt: Date.UTC(9999, 0), problem: null }),
    ownUsername: () => Promise.resolve(null),
    askReplicas: () => Promise.resolve([]),
    agentReady: () => {},
  });
}

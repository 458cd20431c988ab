/**
 * Two servers and an agent over real sockets, with pods that come, go and ask at many times the usual
 * pace while servers die, watches stand still, STS throttles, hangs and fails, the container runtime
 * falls silent and clients read nothing. Counts answers, and measures memory and open handles.
 */
import { connect, type Socket } from "node:net";
import { readdirSync } from "node:fs";
import { request } from "node:http";
import process from "node:process";
import { Registry } from "prom-client";
import { type Agent, createAgent } from "../../src/agent/agent.ts";
import { serverToken } from "../../src/agent/link/server_token.ts";
import { passthroughRule } from "../../src/agent/front/passthrough_rule.ts";
import { TokenKeyRing } from "../../src/agent/front/token_keys.ts";
import { createHttpClient } from "../../src/runtime/http_client.ts";
import { listen } from "../../src/runtime/http_listener.ts";
import { systemClock } from "../../src/runtime/system_clock.ts";
import type { AssumeRole } from "../../src/server/ports.ts";
import { fakeCredentials } from "../fakes/credential_keeper.ts";
import { jwt } from "../fakes/jwt.ts";
import { quietLog } from "../fakes/quiet_log.ts";
import { fakeSandboxes } from "../fakes/sandboxes.ts";
import { ScriptedFault } from "../fakes/scripted_sts.ts";
import { Truth } from "../reliability/model/truth.ts";
import { SoakReplica } from "./replica.ts";

export interface SoakOptions {
  readonly seconds: number;
  readonly print: (line: string) => void;
}

export interface SoakResult {
  /** How many answers of each status; 0 = no answer. */
  readonly answers: Readonly<Record<string, number>>;
  /** Answers with another pod's credentials. */
  readonly wrong: number;
  /** Pods that weren't answered once everything was well again. */
  readonly stuck: number;
  readonly pods: number;
  readonly samples: readonly Sample[];
}

export interface Sample {
  readonly second: number;
  readonly rssMb: number;
  readonly heapMb: number;
  readonly handles: number;
}

const pairCount = 40;
const pairs = Array.from({ length: pairCount }, (_, i) => [`127.1.0.${i + 1}`]);
const replicaAddresses = ["127.0.0.11", "127.0.0.12"];
/** So short that each is renewed many times. */
const sessionSeconds = 20;

export async function soak({ seconds, print }: SoakOptions): Promise<SoakResult> {
  const world = await World.start();
  const samples: Sample[] = [];
  const tally = { answers: {} as Record<string, number>, wrong: 0 };
  const end = systemClock.monotonic() + seconds * 1000;
  const stop = new AbortController();
  const loops = [
    every(25, stop.signal, () => world.churn()),
    every(700, stop.signal, () => world.disturb()),
    ...Array.from({ length: 8 }, () => every(2, stop.signal, () => world.ask(tally))),
  ];
  const step = Math.max(1, Math.floor(seconds / 30));
  while (systemClock.monotonic() < end) {
    await pause(step * 1000);
    samples.push(sampleOf(seconds - (end - systemClock.monotonic()) / 1000));
    print(JSON.stringify({ ...samples.at(-1), ...tally, pods: world.created }));
  }
  stop.abort();
  await Promise.all(loops);
  const stuck = await world.heal();
  await world.close();
  return { ...tally, stuck, pods: world.created, samples };
}

class World {
  readonly #sandboxes = fakeSandboxes();
  readonly #replicas: (SoakReplica | null)[] = [null, null];
  readonly #truth = new Truth(
    systemClock,
    this.#sandboxes,
    { restMs: 200, kubeletMs: 300 },
    (event) => this.#replicas.forEach((replica) => replica?.notify(event)),
    pairs,
  );
  readonly #idlers = new Set<Socket>();
  readonly #stopAgent = new AbortController();
  readonly #client = createHttpClient();
  #sts: "works" | "throttles" | "fails" | "hangs" = "works";
  #agent: Agent | undefined;
  #front: Awaited<ReturnType<typeof listen>> | undefined;
  #running: Promise<void> | undefined;
  #port = 0;
  created = 0;

  static async start(): Promise<World> {
    const world = new World();
    await world.#revive();
    world.#agent = world.#createAgent();
    world.#running = world.#agent.run(world.#stopAgent.signal);
    world.#front = await listen({
      host: "127.0.0.1",
      port: 0,
      handler: world.#agent.front,
      limits: {
        maxConnections: 400,
        maxConnectionsPerPeer: 64,
        headersTimeoutMs: 2000,
        requestTimeoutMs: 4000,
        keepAliveTimeoutMs: 2000,
        maxHeaderBytes: 16_384,
      },
    });
    return world;
  }

  /** A pod comes, or one goes, deleted or by itself. */
  churn(): Promise<void> {
    const pair = dice(pairCount);
    if (this.#truth.ownerOf(pairs[pair]?.[0] ?? "")) {
      if (dice(4) === 0) this.#truth.vacate(pair, dice(2) === 0);
    } else {
      this.created++;
      this.#truth.take(pair);
      this.#truth.collect(50);
    }
    return Promise.resolve();
  }

  /** One fault begins or ends. */
  async disturb(): Promise<void> {
    const nth = dice(2);
    const faults: (() => unknown)[] = [
      () => this.#kill(nth),
      () => this.#revive(),
      () => this.#revive(),
      () => this.#replicas[nth]?.stall(),
      () => this.#replicas[nth]?.resume(),
      () => this.#replicas[nth]?.resume(),
      () => this.#sts = (["throttles", "fails", "hangs"] as const)[dice(3)]!,
      () => this.#sts = "works",
      () => this.#sts = "works",
      () => this.#silence(),
      () => this.#idle(),
    ];
    await faults[dice(faults.length)]?.();
  }

  /** One pod asks for its credentials; whose they are is checked where it lives throughout. */
  async ask(tally: { answers: Record<string, number>; wrong: number }): Promise<void> {
    const [ip = ""] = pairs[dice(pairCount)] ?? [];
    const owner = this.#truth.ownerOf(ip);
    if (!owner) return;
    const { status, text } = await this.#get(ip, owner.uid);
    if (this.#truth.ownerOf(ip)?.uid !== owner.uid) return;
    tally.answers[status] = (tally.answers[status] ?? 0) + 1;
    if (status === 200 && JSON.parse(text).AccessKeyId !== `ASIA${owner.uid}`) tally.wrong++;
  }

  /** Ends every fault; how many pods still have no credentials half a minute later. */
  async heal(): Promise<number> {
    this.#sts = "works";
    this.#soothe();
    for (const socket of this.#idlers) socket.destroy();
    for (const replica of this.#replicas) replica?.resume();
    await this.#revive();
    const deadline = systemClock.monotonic() + 45_000;
    for (;;) {
      const owners = pairs.map(([ip = ""]) => ({ ip, uid: this.#truth.ownerOf(ip)?.uid }));
      const stuck: string[] = [];
      for (const { ip, uid } of owners) {
        if (uid && (await this.#get(ip, uid)).status !== 200) stuck.push(uid);
      }
      if (stuck.length === 0 || systemClock.monotonic() > deadline) return stuck.length;
      await pause(500);
    }
  }

  async close(): Promise<void> {
    await this.#front?.close(0);
    this.#stopAgent.abort();
    await this.#running;
    for (const replica of this.#replicas) await replica?.die();
    this.#client.close();
  }

  async #kill(nth: number): Promise<void> {
    const replica = this.#replicas[nth];
    this.#replicas[nth] = null;
    await replica?.die();
  }

  async #revive(): Promise<void> {
    for (const [nth, address] of replicaAddresses.entries()) {
      const pods = this.#truth.api.values();
      const { assumeRole } = this;
      const parts = { address, port: this.#port, pods, assumeRole };
      const replica = this.#replicas[nth] ??= await SoakReplica.start(parts);
      this.#port = replica.port;
    }
  }

  readonly assumeRole: AssumeRole = async (identity, signal) => {
    if (this.#sts === "hangs") await pause(2000, signal);
    if (this.#sts === "throttles") throw new ScriptedFault("throttled");
    if (this.#sts !== "works") throw new ScriptedFault("unreachable");
    await pause(5, signal);
    return fakeCredentials(identity.arn.split("/")[1] ?? "", Date.now(), sessionSeconds);
  };

  /** Its silence leaves every request without an answer, so it is a short one. */
  async #silence(): Promise<void> {
    this.#sandboxes.mood = dice(2) === 0 ? "away" : "hangs";
    await pause(dice(1500));
    this.#soothe();
  }

  #soothe(): void {
    this.#sandboxes.mood = "answers";
    this.#sandboxes.release();
  }

  /** A client that asks and reads nothing, or doesn't come to its point. */
  #idle(): void {
    const [localAddress = ""] = pairs[dice(pairCount)] ?? [];
    const socket = connect({ host: "127.0.0.1", port: this.#front!.port, localAddress });
    this.#idlers.add(socket);
    socket.on("error", () => {}).once("close", () => this.#idlers.delete(socket));
    // What reads nothing doesn't see that the other side has closed either.
    systemClock.after(10_000, () => void socket.destroy());
    socket.pause();
    socket.write(dice(2) === 0 ? "GET /latest/meta-data" : "GET /latest/ HTTP/1.1\r\nHost: ");
  }

  #createAgent(): Agent {
    const client = this.#client;
    return createAgent({
      settings: {
        server: `http://rolecall-server:${this.#port}`,
        hostIp: "127.0.0.1",
        hostIpv6: null,
        allowedHosts: [],
        passthrough: passthroughRule("none", false),
        tokenRequired: false,
        podRate: 0,
        graceMs: 25_000,
        containerCredentials: [],
      },
      about: { version: "soak", runtime: "soak" },
      clock: systemClock,
      log: quietLog,
      registry: new Registry(),
      random: Math.random,
      access: () => Promise.resolve({ client, token: freshToken() }),
      resolve: () => Promise.resolve(replicaAddresses),
      upstream: () => Promise.reject(new Error("nothing is passed on")),
      tokenKeys: new TokenKeyRing({
        random: (bytes) => crypto.getRandomValues(new Uint8Array(bytes)),
      }),
      redirect: null,
      runtime: this.#sandboxes,
    });
  }

  #get(localAddress: string, role: string): Promise<{ status: number; text: string }> {
    const path = `/latest/meta-data/iam/security-credentials/${role}`;
    const { port } = this.#front!;
    return new Promise((resolve) => {
      const failed = () => resolve({ status: 0, text: "" });
      const options = { host: "127.0.0.1", port, path, localAddress, agent: false, timeout: 5000 };
      const asking = request(options, (answer) => {
        let text = "";
        answer.setEncoding("utf8").on("data", (part) => text += part);
        answer.on("end", () => resolve({ status: answer.statusCode ?? 0, text }));
        answer.on("error", failed);
      });
      asking.on("timeout", () => asking.destroy());
      asking.on("error", failed);
      asking.end();
    });
  }
}

/** Lives two minutes, so that streams are replaced now and then. */
function freshToken() {
  const exp = Math.floor(Date.now() / 1000) + 120;
  return serverToken(jwt({ aud: ["rolecall-server"], exp, sub: "s" }))!;
}

async function every(ms: number, signal: AbortSignal, run: () => Promise<void>): Promise<void> {
  while (!signal.aborted) {
    await run();
    await pause(ms, signal);
  }
}

function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal?.addEventListener("abort", done, { once: true });
  });
}

function sampleOf(second: number): Sample {
  const { rss, heapUsed } = process.memoryUsage();
  const mb = (bytes: number) => Math.round(bytes / 104_857.6) / 10;
  const handles = readdirSync("/proc/self/fd").length;
  return { second: Math.round(second), rssMb: mb(rss), heapMb: mb(heapUsed), handles };
}

function dice(sides: number): number {
  return Math.floor(Math.random() * sides);
}

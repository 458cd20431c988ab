/** The cluster of a soak test: two servers, an agent, and fakes of all that they talk to. */
import { connect, type Socket } from "node:net";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { systemClock } from "../../src/time/system_clock.ts";
import { FakeContainerRuntime } from "../fakes/container_runtime.ts";
import { podFacts } from "../fakes/facts.ts";
import { jwt } from "../fakes/jwt.ts";
import {
  assumed,
  caller,
  refusal,
  startStsEndpoint,
  type StsEndpoint,
} from "../fakes/sts_endpoint.ts";
import { testCertificate } from "../fakes/test_certificate.ts";
import { type ApiEvent, nodeName, Truth } from "../reliability/model/truth.ts";
import { dice } from "./disturbances.ts";
import { type ApiMood, FakeApiServer } from "./fake_api_server.ts";
import { namespaceObject } from "./api_objects.ts";
import { FakeHostProc } from "./fake_host_proc.ts";
import { Program, type ProgramSample } from "./program.ts";

export interface Answers {
  /** How many answers of each status; 0 = no answer. */
  readonly answers: Record<string, number>;
  /** Answers with another pod's credentials. */
  wrong: number;
  /** Requests from a pod's address over a connection that isn't the pod's. */
  spoofed: number;
}

export type SoakIdentity = "kernel" | "runtime";

const pairCount = 40;
/** The network of the pods' addresses: local, but not loopback. */
export const podNetwork = "10.77.0.0/24";
const pairs = Array.from({ length: pairCount }, (_, i) => [`10.77.0.${i + 1}`]);
/** Both are addresses of the name `rolecall-server`. */
export const serverAddresses = ["127.0.0.11", "127.0.0.12"] as const;
const ports = { server: 8443, front: 8181, agentAdmin: 9620, serverAdmin: 9621, status: 9622 };
/** Short, so that each session is renewed many times. */
const sessionSeconds = 20;
const tokenSeconds = 120;

const agentPod = podFacts({
  uid: "aaaaaaaa-0000-4000-8000-000000000001",
  namespace: "rolecall",
  name: "rolecall-agent-x",
  nodeName,
  serviceAccount: "rolecall-agent",
  hostNetwork: true,
  ips: [],
});

const agentUser = {
  username: "system:serviceaccount:rolecall:rolecall-agent",
  extra: {
    "authentication.kubernetes.io/pod-name": [agentPod.name],
    "authentication.kubernetes.io/pod-uid": [agentPod.uid],
    "authentication.kubernetes.io/node-name": [nodeName],
  },
};

export class Cluster {
  readonly api = new FakeApiServer({
    fixed: {
      namespaces: [namespaceObject("shop"), namespaceObject("rolecall")],
      serviceaccounts: [],
    },
    user: agentUser,
  });
  readonly answers: Answers = { answers: {}, wrong: 0, spoofed: 0 };
  #stsMood: "works" | "throttles" | "fails" | "hangs" = "works";
  created = 0;
  #closed = false;
  readonly #folder = mkdtempSync(join(tmpdir(), "rolecall-soak-"));
  readonly #servers: (Program | null)[] = [null, null];
  readonly #idlers = new Set<Socket>();
  readonly #identity: SoakIdentity;
  readonly #runtime: FakeContainerRuntime;
  readonly #proc = new FakeHostProc(agentPod.uid);
  #lastPort = 20_000;
  readonly #sts: StsEndpoint;
  readonly #truth: Truth;
  #agent!: Program;
  #apiUrl = "";
  #rotation: ReturnType<typeof setInterval> | undefined;

  static async start(identity: SoakIdentity): Promise<Cluster> {
    const runtime = await FakeContainerRuntime.start();
    const cluster = new Cluster(identity, runtime, await startStsEndpoint());
    await cluster.#open();
    return cluster;
  }

  private constructor(identity: SoakIdentity, runtime: FakeContainerRuntime, sts: StsEndpoint) {
    this.#identity = identity;
    this.#runtime = runtime;
    this.#sts = sts;
    const send = (event: ApiEvent) =>
      event.kind === "upsert" ? this.api.upsert(event.pod) : this.api.remove(event.uid);
    const sandboxes = { ready: this.#sandboxes() };
    const delays = { restMs: 200, kubeletMs: 300 };
    this.#truth = new Truth({ clock: systemClock, sandboxes, delays, send, pairs });
  }

  /** Starts a pod, or ends one, by deletion or by itself. */
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

  /** One pod requests its credentials; they are checked if the pod lives throughout. */
  async send(): Promise<void> {
    const [ip = ""] = pairs[dice(pairCount)] ?? [];
    const owner = this.#truth.ownerOf(ip);
    if (!owner) return;
    if (this.#identity === "kernel" && dice(8) === 0) return await this.#spoof(ip, owner.uid);
    const { status, text } = await this.#get(ip, owner.uid);
    if (this.#truth.ownerOf(ip)?.uid !== owner.uid) return;
    const { answers } = this.answers;
    answers[status] = (answers[status] ?? 0) + 1;
    if (status === 200 && JSON.parse(text).AccessKeyId !== `ASIA${owner.uid}`) this.answers.wrong++;
  }

  /** Someone else's connection from the victim's address: of another pod, or without any socket. */
  async #spoof(ip: string, victim: string): Promise<void> {
    const other = this.#truth.ownerOf(pairs[dice(pairCount)]?.[0] ?? "")?.uid;
    const { status } = await this.#get(ip, victim, other === victim ? null : other ?? null);
    this.answers.spoofed++;
    if (status === 200) this.answers.wrong++;
  }

  /** Requests the role of the pod `uid`; the socket is that of `holder`, if there is one. */
  async #get(ip: string, uid: string, holder: string | null = uid) {
    // No port is used again while its last connection may still be known.
    const localPort = this.#lastPort = this.#lastPort === 32_000 ? 20_001 : this.#lastPort + 1;
    const close = holder === null
      ? () => {}
      : this.#proc.connect(holder, `${ip}:${localPort}`, `127.0.0.1:${ports.front}`);
    try {
      return await get({ localAddress: ip, localPort }, uid);
    } finally {
      close();
    }
  }

  /** Some of the processes by which the agent knows pods end while it reads their tables. */
  replaceProcesses(): void {
    for (const [ip = ""] of pairs) {
      const uid = this.#truth.ownerOf(ip)?.uid;
      if (uid !== undefined && dice(2) === 0) this.#proc.replaceProcess(uid);
    }
  }

  hideProc(ms: number): void {
    this.#proc.hide();
    systemClock.after(ms, () => this.#closed || this.#proc.show());
  }

  /** The truth's sandboxes, to the container runtime and to `/proc`. */
  #sandboxes() {
    const { sandboxes } = this.#runtime;
    return {
      set: (id: string, sandbox: { readonly podUid: string; readonly ips: readonly string[] }) => {
        sandboxes.set(id, sandbox);
        this.#proc.startPod(sandbox.podUid, sandbox.ips);
      },
      delete: (id: string) => {
        this.#proc.endPod(sandboxes.get(id)?.podUid ?? "");
        sandboxes.delete(id);
      },
    };
  }

  /** The second server alone, so that the first one's memory shows over the whole time. */
  async killServerFor(ms: number): Promise<void> {
    await this.#servers[1]?.end("SIGKILL");
    systemClock.after(ms, () => this.#startServers());
  }

  /** SIGSTOP, and SIGCONT that much later. */
  stopFor(who: "agent" | "servers", ms: number): void {
    const program = who === "agent" ? this.#agent : this.#servers[dice(2)];
    program?.signal("SIGSTOP");
    systemClock.after(ms, () => program?.signal("SIGCONT"));
  }

  apiFor(mood: ApiMood, ms: number): void {
    this.api.mood = mood;
    systemClock.after(ms, () => this.api.mood = "well");
  }

  stsFor(mood: "throttles" | "fails" | "hangs", ms: number): void {
    this.#stsMood = mood;
    systemClock.after(ms, () => this.#stsMood = "works");
  }

  /** Sends a false event about pods of this node. */
  lie(kind: number): void {
    const live = pairs.map(([ip = ""]) => this.#truth.ownerOf(ip)).filter((pod) =>
      pod !== undefined
    );
    const known = live.map(({ uid }) => this.#truth.api.get(uid)).filter((pod) =>
      pod !== undefined
    );
    const [one, other] = [known[dice(known.length)], known[dice(known.length)]];
    if (!one || !other) return;
    if (kind === 0) this.api.lie("DELETED", one);
    if (kind === 1) this.api.lie("MODIFIED", { ...one, ips: other.ips });
    if (kind === 2) this.api.lie("MODIFIED", { ...one, ips: [] }, 1);
    if (kind === 3) {
      this.api.lie("ADDED", { ...one, uid: `of-another-node-${one.uid}`, nodeName: "n2" });
    }
    if (kind === 4) { for (const _ of [1, 2, 3]) this.api.lie("ADDED", one); }
  }

  /** Keep it short: meanwhile no request is answered. */
  silenceRuntime(ms: number): void {
    this.#runtime.hangs = true;
    systemClock.after(ms, () => this.#runtime.hangs = false);
  }

  /** A client that sends a request without reading, or never finishes its request. */
  idle(): void {
    const [localAddress = ""] = pairs[dice(pairCount)] ?? [];
    const socket = connect({ host: "127.0.0.1", port: ports.front, localAddress });
    this.#idlers.add(socket);
    socket.on("error", () => {}).once("close", () => this.#idlers.delete(socket));
    // What reads nothing doesn't see that the other side has closed either.
    systemClock.after(10_000, () => void socket.destroy());
    socket.pause();
    socket.write(dice(2) === 0 ? "GET /latest/meta-data" : "GET /latest/ HTTP/1.1\r\nHost: ");
  }

  sample(): { agent: ProgramSample; server: ProgramSample } {
    return { agent: this.#agent.sample(), server: this.#servers[0]!.sample() };
  }

  /** Ends every fault; resolves to the number of pods without credentials two minutes later. */
  async heal(): Promise<number> {
    this.#stsMood = "works";
    this.api.mood = "well";
    this.api.forget();
    this.#runtime.hangs = false;
    this.#proc.show();
    for (const program of [this.#agent, ...this.#servers]) program?.signal("SIGCONT");
    for (const socket of this.#idlers) socket.destroy();
    this.#startServers();
    const deadline = systemClock.monotonic() + 120_000;
    for (;;) {
      const left = await this.#unserved();
      if (left.length === 0 || systemClock.monotonic() > deadline) return left.length;
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  }

  async close(): Promise<void> {
    clearInterval(this.#rotation);
    this.#closed = true;
    // Deno's HTTP/2, which serves the fake runtime, fails when a session ends with GOAWAY.
    await this.#agent.end("SIGKILL");
    for (const server of this.#servers) await server?.end();
    this.api.close();
    await this.#sts.close();
    this.#proc.close();
    for (const folder of [this.#folder, dirname(this.#runtime.socket)]) {
      rmSync(folder, { recursive: true });
    }
  }

  async #open(): Promise<void> {
    this.#apiUrl = await this.api.listen();
    this.api.upsert(agentPod);
    this.#sts.answer = (requested) => this.#assume(requested.form);
    const { ca, cert, key } = await testCertificate("rolecall-server");
    for (const [name, text] of Object.entries({ ca, cert, key })) this.#write(`${name}.pem`, text);
    this.#write("kubeconfig", kubeconfig(this.#apiUrl));
    this.#rotateToken();
    this.#rotation = setInterval(() => this.#rotateToken(), tokenSeconds * 250);
    this.#startServers();
    this.#agent = this.#startAgent();
    for (let pair = 0; pair < pairCount; pair++) this.#truth.take(pair);
    const deadline = systemClock.monotonic() + 120_000;
    while ((await this.#unserved()).length > 0) {
      if (systemClock.monotonic() > deadline) {
        throw new Error("the pods aren't served at the start");
      }
    }
  }

  async #unserved(): Promise<string[]> {
    const left: string[] = [];
    for (const [ip = ""] of pairs) {
      const uid = this.#truth.ownerOf(ip)?.uid;
      if (uid && (await this.#get(ip, uid)).status !== 200) left.push(uid);
    }
    return left;
  }

  #assume(form: URLSearchParams) {
    if (form.get("Action") === "GetCallerIdentity") {
      return caller("arn:aws:sts::111122223333:assumed-role/server/i-1");
    }
    this.#sts.requests.length = 0;
    if (this.#stsMood === "hangs") return "hang";
    if (this.#stsMood === "throttles") return refusal(400, "Throttling", "Rate exceeded");
    if (this.#stsMood === "fails") return refusal(500, "InternalFailure", "trouble");
    const role = form.get("RoleArn")?.split("/")[1] ?? "";
    return assumed(`ASIA${role}`, new Date(Date.now() + sessionSeconds * 1000));
  }

  /** Starts those that aren't running. */
  #startServers(): void {
    if (this.#closed) return;
    for (const [nth, address] of serverAddresses.entries()) {
      if (!this.#servers[nth]?.alive) this.#servers[nth] = this.#startServer(nth, address);
    }
  }

  #startServer(nth: number, address: string): Program {
    const at = (flag: string, port: number) => `--${flag}=${address}:${port}`;
    return new Program({
      name: `server-${nth + 1}`,
      args: [
        "server",
        at("listen", ports.server),
        at("admin-listen", ports.serverAdmin),
        at("status-listen", ports.status),
        `--kubeconfig=${this.#path("kubeconfig")}`,
        `--tls-cert=${this.#path("cert.pem")}`,
        `--tls-key=${this.#path("key.pem")}`,
        `--sts-endpoint=${this.#sts.url}`,
        "--region=eu-west-1",
        "--replicas=",
        "--sts-rate=200",
        "--sts-concurrency=32",
      ],
      env: {
        POD_NAMESPACE: "rolecall",
        AWS_ACCESS_KEY_ID: "test",
        AWS_SECRET_ACCESS_KEY: "test",
        AWS_EC2_METADATA_DISABLED: "true",
      },
      log: this.#path(`server-${nth + 1}.log`),
    });
  }

  #startAgent(): Program {
    return new Program({
      name: "agent",
      args: [
        "agent",
        `--listen=127.0.0.1:${ports.front}`,
        `--admin-listen=127.0.0.1:${ports.agentAdmin}`,
        "--host-ip=127.0.0.1",
        "--redirect=none",
        `--server=https://rolecall-server:${ports.server}`,
        `--server-ca=${this.#path("ca.pem")}`,
        `--token-file=${this.#path("token")}`,
        `--state-dir=${this.#folder}`,
        `--identity=${this.#identity}`,
        `--cri-socket=${this.#runtime.socket}`,
        `--host-proc=${this.#proc.path}`,
        "--passthrough=none",
        "--pod-rate=0",
      ],
      env: {},
      log: this.#path("agent.log"),
    });
  }

  /** So short-lived that streams are replaced now and then. */
  #rotateToken(): void {
    const exp = Math.floor(Date.now() / 1000) + tokenSeconds;
    this.#write("token", jwt({ aud: ["rolecall-server"], exp, sub: "s" }));
  }

  #path(name: string): string {
    return join(this.#folder, name);
  }

  #write(name: string, text: string): void {
    writeFileSync(this.#path(name), text, { mode: 0o600 });
  }
}

function kubeconfig(server: string): string {
  return JSON.stringify({
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "soak", cluster: { server } }],
    users: [{ name: "server", user: { token: "soak" } }],
    contexts: [{ name: "soak", context: { cluster: "soak", user: "server" } }],
    "current-context": "soak",
  });
}

interface LocalEnd {
  readonly localAddress: string;
  readonly localPort: number;
}

function get(local: LocalEnd, role: string): Promise<{ status: number; text: string }> {
  const path = `/latest/meta-data/iam/security-credentials/${role}`;
  return new Promise((resolve) => {
    const failed = () => resolve({ status: 0, text: "" });
    const at = { host: "127.0.0.1", port: ports.front, path, ...local, agent: false };
    const pending = request({ ...at, timeout: 5000 }, (answer) => {
      let text = "";
      answer.setEncoding("utf8").on("data", (part) => text += part);
      answer.on("end", () => resolve({ status: answer.statusCode ?? 0, text }));
      answer.on("error", failed);
    });
    pending.on("timeout", () => pending.destroy());
    pending.on("error", failed);
    pending.end();
  });
}

/** A test pod: its object, its network namespace, and a process in it that sends requests. */
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import process from "node:process";
import { podPath, type PodSpec, reportRunning, schedulePod } from "./cluster_objects.ts";
import type { KubeApi } from "./kube_api.ts";
import { inNamespace, makePodNet, metadataAddress, type NodeNet, removePodNet } from "./network.ts";
import { type Outcome, plainEnv, run } from "./programs.ts";

const metadata = `http://${metadataAddress}`;
const credentialsPath = "/latest/meta-data/iam/security-credentials/";

interface Answer {
  /** 0 where there was none; then `body` says why. */
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly ms: number;
}

interface RequestOptions {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
  /** Another service than the metadata service. */
  readonly origin?: string;
}

/** How often a loop got each distinct answer: `STATUS BODY`, or `error REASON`. */
export type Tally = Readonly<Record<string, number>>;

export class TestPod {
  readonly spec: PodSpec;
  readonly uid: string;
  readonly address: string;
  readonly net: string;
  readonly #api: KubeApi;
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, (result: object) => void>();
  #next = 1;

  private constructor(
    api: KubeApi,
    spec: PodSpec,
    { uid, address, net }: Pick<TestPod, "uid" | "address" | "net">,
  ) {
    this.#api = api;
    this.spec = spec;
    this.uid = uid;
    this.address = address;
    this.net = net;
    const script = fileURLToPath(new URL("pod_requests.ts", import.meta.url));
    const [program = "", ...args] = inNamespace(net, [process.execPath, "run", "-A", script]);
    this.#child = spawn(program, args, { env: plainEnv(), stdio: ["pipe", "pipe", "inherit"] });
    createInterface({ input: this.#child.stdout! }).on("line", (line) => {
      const { id, result } = JSON.parse(line) as { id: number; result: object };
      this.#waiting.get(id)?.(result);
      this.#waiting.delete(id);
    });
  }

  /** Scheduled, then wired up, then reported as running, as it happens in a cluster. */
  static async start(
    api: KubeApi,
    node: NodeNet,
    number: number,
    wanted: Omit<PodSpec, "node">,
  ): Promise<TestPod> {
    const spec = { ...wanted, node: node.name };
    const { metadata: { uid } } = await schedulePod(api, spec);
    const net = `pod-${node.name}-${number}`;
    const address = await makePodNet(net, node, number);
    await reportRunning(api, spec.namespace, spec.name, address);
    return new TestPod(api, spec, { uid, address, net });
  }

  /** One request to the metadata service. */
  async send(path: string, options: RequestOptions = {}): Promise<Answer> {
    const answer = await this.#order("once", path, options) as Partial<Answer> & { error?: string };
    const { status = 0, headers = {}, body = answer.error ?? "", ms = 0 } = answer;
    return { status, headers, body, ms };
  }

  /** The list of roles. */
  list(): Promise<Answer> {
    return this.send(credentialsPath);
  }

  credentials(role: string): Promise<Answer> {
    return this.send(credentialsPath + role);
  }

  /** Asks the same again and again until the returned function is called, which ends every loop. */
  loop(path: string, options: RequestOptions = {}): () => Promise<Tally> {
    const tally = this.#order("loop", path, options);
    return () => {
      this.#send({ id: 0, kind: "end" });
      return tally as Promise<Tally>;
    };
  }

  /** Runs a program in the pod's network, with nothing set but PATH and `env`. */
  run(command: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Outcome> {
    const path = { PATH: process.env["PATH"] ?? "/usr/bin:/bin", HOME: "/nonexistent" };
    return run(inNamespace(this.net, command), { env: { ...path, ...env }, timeoutMs: 90_000 });
  }

  /** Deletes the object and takes the network away. */
  async remove(): Promise<void> {
    await this.#api.remove(podPath(this.spec.namespace, this.spec.name));
    await this.leave();
  }

  /** Only the process and the network end; the object stays. */
  async leave(): Promise<void> {
    this.#child.kill("SIGKILL");
    await removePodNet(this.net);
  }

  #order(kind: "once" | "loop", path: string, options: RequestOptions): Promise<object> {
    const id = this.#next++;
    const { method = "GET", headers = {}, timeoutMs = 5000, origin = metadata } = options;
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve);
      this.#send({ id, kind, method, headers, timeoutMs, url: origin + path });
    });
  }

  #send(order: object): void {
    this.#child.stdin!.write(`${JSON.stringify(order)}\n`);
  }
}

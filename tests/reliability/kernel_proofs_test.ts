/**
 * Random histories of a node's pods, sockets and connections, whose `/proc` can't always be read: a
 * connection without a socket is never proven, also from the end of one that a pod has had or will
 * have. Once `/proc` can be read, each pod's connections are proven.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import process from "node:process";
import fc from "fast-check";
import type { KernelIdentity, Proof } from "../../src/kernel/kernel_identity.ts";
import { openKernel } from "../../src/kernel/open_kernel.ts";
import { FakeProc, type FakeProcess } from "../fakes/fake_proc.ts";
import { flushPromises, ManualClock } from "../fakes/manual_clock.ts";

const numRuns = Number(process.env["TEST_MODEL_RUNS"] ?? 200);
const addresses = ["10.0.0.1", "10.0.0.2", "10.0.0.3"];
const ports = [40_001, 40_002, 40_003];
/** A port that no history uses. */
const freshPort = 50_000;

interface Pod {
  readonly uid: string;
  readonly process: FakeProcess;
  readonly sockets: Map<number, ReturnType<FakeProc["connect"]>>;
}

class Node {
  readonly clock = new ManualClock();
  readonly proc = new FakeProc();
  readonly pods = new Map<string, Pod>();
  readonly #kernel: KernelIdentity;
  readonly #inProgress = new Map<string, Promise<void>>();
  #created = 0;
  #reads = 0;

  private constructor(kernel: KernelIdentity, clock: ManualClock, proc: FakeProc) {
    this.#kernel = kernel;
    this.clock = clock;
    this.proc = proc;
    // Processes and sockets change while they are read.
    proc.beforeRead = (path) => {
      if (!/^\/$|net\/tcp6?$/.test(path)) return;
      return new Promise((resolve) => void clock.after(++this.#reads * 5 % 8, resolve));
    };
  }

  static async start(): Promise<Node> {
    const [clock, proc] = [new ManualClock(), new FakeProc()];
    proc.reusesNumbers = true;
    const opened = await openKernel({
      files: proc,
      clock,
      cpuMs: () => clock.monotonic(),
      metadata: [{ address: "169.254.169.254", port: 80 }],
      listening: [],
      redirectedTo: null,
      usedChanged: () => {},
      saved: {},
    });
    assert.ok(opened.kind === "opened");
    return new Node(opened.kernel, clock, proc);
  }

  begin(ip: string): void {
    if (this.pods.has(ip)) return;
    const uid = `00000000-0000-4000-8000-${String(++this.#created).padStart(12, "0")}`;
    this.pods.set(ip, { uid, process: this.proc.pod(uid, [ip]), sockets: new Map() });
  }

  end(ip: string): void {
    const pod = this.pods.get(ip);
    if (pod !== undefined) this.proc.exit(pod.process);
    this.pods.delete(ip);
  }

  close(ip: string, port: number): void {
    const pod = this.pods.get(ip);
    const socket = pod?.sockets.get(port);
    if (pod === undefined || socket === undefined) return;
    this.proc.close(pod.process.namespace, socket);
    pod.sockets.delete(port);
  }

  /** The pod at the address, if any, opens a connection, which the agent accepts. */
  connect(ip: string, port: number): Promise<Proof> | undefined {
    const pod = this.pods.get(ip);
    // While a connection with this end is searched for, a new socket could belong to either of them.
    if (pod === undefined || this.#inProgress.has(`${ip}:${port}`)) return undefined;
    this.close(ip, port);
    pod.sockets.set(port, this.proc.connect(pod.process.namespace, `${ip}:${port}`));
    return this.accept(ip, port, pod.uid);
  }

  /** `owner`: the pod whose socket it is; null if none has it. */
  async accept(ip: string, port: number, owner: string | null): Promise<Proof> {
    const connection = { peer: ip, peerPort: port, local: "10.0.0.100", localPort: 8181 };
    const proof = this.#kernel.prove(connection, this.pods.get(ip)?.uid);
    const end = `${ip}:${port}`;
    const done = proof.then((found) => {
      if (this.#inProgress.get(end) === done) this.#inProgress.delete(end);
      if (found.kind === "proven") assert.equal(found.pod, owner, `${end}: proven`);
    });
    this.#inProgress.set(end, done);
    await done;
    return await proof;
  }

  /** Time passes until every connection has been looked for. */
  async settle(): Promise<void> {
    await flushPromises();
    while (this.#inProgress.size > 0) await this.clock.advance(10);
  }
}

type Run = (node: Node, failed: (fault: unknown) => void) => void | Promise<void>;
type Step = readonly [name: string, run: Run];

const address = fc.constantFrom(...addresses);
const end = fc.tuple(address, fc.constantFrom(...ports));

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: address.map((ip): Step => [`begin ${ip}`, (node) => node.begin(ip)]) },
  { weight: 1, arbitrary: address.map((ip): Step => [`end ${ip}`, (node) => node.end(ip)]) },
  {
    weight: 6,
    arbitrary: atEnd("connect", (node, failed, ...from) => {
      node.connect(...from)?.catch(failed);
    }),
  },
  { weight: 2, arbitrary: atEnd("close", (node, _failed, ...from) => node.close(...from)) },
  {
    weight: 7,
    arbitrary: atEnd("forge", (node, failed, ...from) => {
      node.accept(...from, null).catch(failed);
    }),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom(/net\/tcp/, /^1\//, /stat$/).map((path): Step => [
      `unreadable ${path}`,
      ({ proc }) => void proc.broken.set(path, "EACCES"),
    ]),
  },
  {
    weight: 3,
    arbitrary: fc.constant<Step>(["readable", ({ proc }) => proc.broken.clear()]),
  },
  { weight: 3, arbitrary: fc.constant<Step>(["settle", (node) => node.settle()]) },
  {
    weight: 2,
    arbitrary: fc.constantFrom(5, 100, 2_000, 100_000).map((ms): Step => [
      `${ms} ms pass`,
      ({ clock }) => clock.advance(ms),
    ]),
  },
);

function atEnd(
  name: string,
  run: (node: Node, failed: (fault: unknown) => void, ip: string, port: number) => void,
): fc.Arbitrary<Step> {
  return end.map(([ip, port]) => [
    `${name} ${ip}:${port}`,
    (node, failed) => run(node, failed, ip, port),
  ]);
}

test("a connection without a socket is never proven; each pod's are, once /proc can be read", async () => {
  const histories = fc.array(step, { minLength: 5, maxLength: 80, size: "max" });
  await fc.assert(
    fc.asyncProperty(histories, async (steps) => {
      const node = await Node.start();
      const faults: unknown[] = [];
      for (const [, run] of steps) await run(node, (fault) => void faults.push(fault));
      await node.settle();
      assert.deepEqual(faults, []);
      node.proc.broken.clear();
      await node.clock.advance(10_000);
      for (const [ip, { uid }] of node.pods) {
        const proof = node.connect(ip, freshPort);
        await node.settle();
        assert.deepEqual(await proof, { kind: "proven", pod: uid });
      }
    }),
    { numRuns },
  );
});

/** Keeps the container runtime's sandboxes and the host's `/proc` as the truth has them. */
import { FakeProc, type FakeProcess, podCgroup } from "../../fakes/fake_proc.ts";
import { fakeSandboxes } from "../../fakes/sandboxes.ts";

export class NodeState {
  readonly sandboxes = fakeSandboxes();
  readonly proc = new FakeProc();
  readonly #note: (line: string) => void;
  /** A pod's processes, oldest first. */
  readonly #processes = new Map<string, FakeProcess[]>();
  #replaced = 0;

  constructor(note: (line: string) => void) {
    this.#note = note;
    this.proc.reusesNumbers = true;
  }

  /** Fits the truth: sandboxes come and go. */
  readonly ready = {
    set: (id: string, { podUid, ips }: { podUid: string; ips: readonly string[] }) => {
      this.#note(`runtime-lists ${podUid} ip=${ips}`);
      this.#note(`start-pod ${podUid} ${ips.length > 0 ? `ip=${ips}` : "host-network"}`);
      this.sandboxes.ready.set(id, { podUid, ips });
      const namespace = ips.length > 0 ? this.proc.namespace(ips) : this.proc.node;
      this.#processes.set(podUid, [this.proc.start({ cgroup: podCgroup(podUid), namespace })]);
    },
    delete: (id: string) => {
      const podUid = this.sandboxes.ready.get(id)?.podUid;
      if (podUid === undefined) return;
      this.#note(`runtime-drops ${podUid}`);
      this.#note(`end-process ${podUid}`);
      this.sandboxes.ready.delete(id);
      for (const process of this.#processes.get(podUid) ?? []) this.proc.exit(process);
      this.#processes.delete(podUid);
    },
  };

  /** The pod opens a socket to the agent. */
  connect(podUid: string, end: string): void {
    const process = this.#processes.get(podUid)?.at(-1);
    if (!process) return;
    this.#note(`connect ${podUid} from=${end}`);
    this.proc.connect(process.namespace, end, {
      remote: end.startsWith("[") ? "[fd00:ec2::254]:80" : "169.254.169.254:80",
    });
  }

  /** Its oldest process ends, and another one of the pod is there; its PID may be used again. */
  replaceProcess(nth: number): void {
    const pods = [...this.#processes.keys()];
    const podUid = pods[nth % Math.max(1, pods.length)];
    const [oldest] = this.#processes.get(podUid ?? "") ?? [];
    if (podUid === undefined || oldest === undefined) return;
    const name = `${podUid}+${++this.#replaced}`;
    this.#note(`start-process ${name} pod=${podUid}\nend-process ${podUid}`);
    const next = this.proc.start({ cgroup: oldest.cgroup, namespace: oldest.namespace });
    this.proc.exit(oldest);
    this.#processes.set(podUid, [next]);
  }

  setReadable(readable: boolean): void {
    this.#note(readable ? "make-proc-readable" : "make-proc-unreadable net/tcp");
    if (readable) this.proc.broken.clear();
    else this.proc.broken.set(/net\/tcp/, "EACCES");
  }

  /** Something happens right before the kernel next shows a table. */
  atNextRead(happens: () => void): void {
    this.proc.beforeRead = (path) => {
      if (!/net\/tcp6?$/.test(path)) return;
      this.proc.beforeRead = () => {};
      this.#note("# Right before the next read of a socket table:");
      happens();
    };
  }
}

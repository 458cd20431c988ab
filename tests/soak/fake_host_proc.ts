/**
 * The host's `/proc` as a folder: pods' processes come and go, PIDs and namespaces' inodes are used
 * again at once, and all of it goes away for a while.
 */
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type FakeNamespace, FakeProc, type FakeProcess, podCgroup } from "../fakes/fake_proc.ts";

/** A table is written in one piece of this size, so that no reader sees half a row. */
const tableBytes = 4096;

export class FakeHostProc {
  readonly #folder = mkdtempSync(join(tmpdir(), "rolecall-proc-"));
  readonly #proc: FakeProc;
  readonly #processes = new Map<string, FakeProcess>();
  #removed = 0;

  /** With the agent in its pod. */
  constructor(agentPod: string) {
    this.#proc = new FakeProc(agentPod);
    this.#proc.reusesNumbers = true;
    for (const name of [this.path, join(this.#folder, "gone"), join(this.#folder, "net")]) {
      mkdirSync(name);
    }
    writeFileSync(join(this.path, "cmdline"), "");
    const self = this.#proc.process(101)!;
    symlinkSync(`${self.pid}`, join(this.path, "self"));
    for (const process of [this.#proc.process(1)!, self]) this.#show(process);
  }

  /** What the agent takes for the host's `/proc`. */
  get path(): string {
    return join(this.#folder, "proc");
  }

  startPod(uid: string, ips: readonly string[]): void {
    const process = this.#proc.pod(uid, ips);
    this.#processes.set(uid, process);
    this.#show(process);
  }

  endPod(uid: string): void {
    const process = this.#processes.get(uid);
    this.#processes.delete(uid);
    if (process !== undefined) this.#exit(process);
  }

  /** The pod's process ends, and another one is there; the next pod gets its PID. */
  replaceProcess(uid: string): void {
    const process = this.#processes.get(uid);
    if (process === undefined) return;
    const next = this.#proc.start({ cgroup: podCgroup(uid), namespace: process.namespace });
    this.#processes.set(uid, next);
    this.#show(next);
    this.#exit(process);
  }

  /** A socket of the pod; the returned function closes it. */
  connect(uid: string, local: string, remote: string): () => void {
    const namespace = this.#processes.get(uid)?.namespace;
    if (namespace === undefined) return () => {};
    const socket = this.#proc.connect(namespace, local, { remote });
    this.#showTables(namespace);
    return () => {
      this.#proc.close(namespace, socket);
      const isOpen = [...this.#processes.values()].some((one) => one.namespace === namespace);
      if (isOpen) this.#showTables(namespace);
    };
  }

  /** Nothing of it can be read until `show`. */
  hide(): void {
    if (existsSync(this.path)) renameSync(this.path, join(this.#folder, "hidden"));
  }

  show(): void {
    if (!existsSync(this.path)) renameSync(join(this.#folder, "hidden"), this.path);
  }

  close(): void {
    rmSync(this.#folder, { recursive: true });
  }

  get #root(): string {
    return existsSync(this.path) ? this.path : join(this.#folder, "hidden");
  }

  #exit(process: FakeProcess): void {
    const gone = join(this.#folder, "gone", `${++this.#removed}`);
    renameSync(join(this.#root, `${process.pid}`), gone);
    rmSync(gone, { recursive: true });
    this.#proc.exit(process);
  }

  /** Its folder appears at once, like a process. */
  #show({ pid, namespace }: FakeProcess): void {
    this.#showTables(namespace);
    const making = join(this.#folder, "making");
    mkdirSync(making);
    for (const file of ["cgroup", "stat", "status"]) {
      writeFileSync(join(making, file), this.#proc.content(`${pid}/${file}`));
    }
    symlinkSync(this.#net(namespace), join(making, "net"));
    renameSync(making, join(this.#root, `${pid}`));
  }

  /** In place, so that a namespace keeps the inode of its tables. */
  #showTables(namespace: FakeNamespace): void {
    const net = this.#net(namespace);
    mkdirSync(net, { recursive: true });
    for (const name of ["tcp", "tcp6", "fib_trie", "if_inet6"]) {
      const file = openSync(join(net, name), existsSync(join(net, name)) ? "r+" : "w");
      const text = this.#proc.contentOf(namespace, `net/${name}`);
      if (text.length > tableBytes) throw new Error(`${name} has become too long`);
      writeSync(file, text.padEnd(tableBytes, "\n"), 0);
      closeSync(file);
    }
  }

  #net({ inode }: FakeNamespace): string {
    return join(this.#folder, "net", `${inode}`);
  }
}

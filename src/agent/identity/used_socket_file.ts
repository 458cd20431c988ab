/**
 * Exchanges used sockets with the agent that this one replaces, or is replaced by, through a file:
 * both accept connections for a while, and a socket that proved one to either must prove none to the
 * other. A restart reads it as well.
 */
import * as v from "valibot";
import { parsedJson } from "../../net/json.ts";
import { messageOf } from "../../telemetry/fault.ts";
import type { Clock, Log } from "../ports.ts";

/** The inodes of used sockets, by table. */
export type UsedSocketsOfNode = Readonly<Record<string, readonly string[]>>;

interface UsedSocketFileOptions {
  readonly files: {
    readTextFile(path: string): Promise<string>;
    writeFile(path: string, content: string, mode: number): Promise<void>;
    watchFile(path: string, changed: () => void): () => void;
  };
  readonly path: string;
  readonly clock: Clock;
  readonly log: Log;
}

/** What is shared with the file. */
interface SocketStore {
  load(saved: UsedSocketsOfNode): void;
  save(): UsedSocketsOfNode;
}

const stored = v.record(v.string(), v.array(v.string()));
/** Many proofs make one write. */
const writeAfterMs = 100;

export function usedSocketFile(stateDir: string): string {
  return `${stateDir}/used-sockets.json`;
}

export class UsedSocketFile {
  readonly #options: UsedSocketFileOptions;
  #store: SocketStore | undefined;
  #cancelWrite: (() => void) | undefined;
  #warned = false;

  constructor(options: UsedSocketFileOptions) {
    this.#options = options;
  }

  /** What is in the file; nothing if it can't be read. */
  async read(): Promise<UsedSocketsOfNode> {
    return parsed(await this.#text());
  }

  /** Keeps file and store the same until the signal aborts. */
  share(store: SocketStore, signal: AbortSignal): void {
    const { files, path } = this.#options;
    this.#store = store;
    const stop = files.watchFile(path, () => void this.read().then((saved) => store.load(saved)));
    signal.addEventListener("abort", () => {
      stop();
      this.#cancelWrite?.();
    }, { once: true });
    this.changed();
  }

  /** To be called when the store has something new. */
  changed(): void {
    if (this.#store === undefined || this.#cancelWrite) return;
    this.#cancelWrite = this.#options.clock.after(writeAfterMs, () => {
      this.#cancelWrite = undefined;
      void this.#write(this.#store!);
    });
  }

  /** The other agent may have written since. */
  async #write(store: SocketStore): Promise<void> {
    const { files, path } = this.#options;
    const before = await this.#text();
    store.load(parsed(before));
    const text = textOf(store.save());
    if (text !== before) {
      await files.writeFile(path, text, 0o600).catch((fault) => this.#warn(fault));
    }
  }

  #text(): Promise<string> {
    return this.#options.files.readTextFile(this.#options.path).catch(() => "");
  }

  #warn(fault: unknown): void {
    if (this.#warned) return;
    this.#warned = true;
    const problem = messageOf(fault);
    this.#options.log.warn({ path: this.#options.path, problem }, "used sockets aren't saved");
  }
}

function parsed(text: string): UsedSocketsOfNode {
  const read = v.safeParse(stored, parsedJson(text));
  return read.success ? read.output : {};
}

/** The same text for the same sockets, whichever agent writes it. */
function textOf(sockets: UsedSocketsOfNode): string {
  const tables = Object.entries(sockets).sort(([a], [b]) => a < b ? -1 : 1);
  return `${
    JSON.stringify(Object.fromEntries(tables.map(([key, used]) => [key, [...used].sort()])))
  }\n`;
}

/** `dev` as a child of the runtime that runs the tests, on free ports, with its output read. */
import { type ChildProcess, spawn } from "node:child_process";
import { request } from "node:http";
import { env as ownEnv, execPath, kill, versions } from "node:process";
import { fileURLToPath } from "node:url";

const program = fileURLToPath(new URL("../../src/main.ts", import.meta.url));
const runtimeArgs = versions.deno === undefined ? [] : ["run", "-A", "--quiet"];
/** Longer than any machine needs; it only bounds a failing test. */
const patienceMs = 120_000;

interface Answer {
  readonly status: number;
  readonly text: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

export class DevProcess {
  readonly #child: ChildProcess;
  readonly #ended: Promise<number | null>;
  #output = "";
  #counted = () => {};

  constructor(
    args: readonly string[],
    env: Readonly<Record<string, string>> = {},
    /** The working directory; without one, ours. */
    cwd?: string,
  ) {
    const ports = ["--listen", "--admin-listen", "--status-listen"];
    const free = ports.filter((flag) => !args.includes(flag)).flatMap((flag) => [
      flag,
      "127.0.0.1:0",
    ]);
    this.#child = spawn(execPath, [...runtimeArgs, program, "dev", ...free, ...args], {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...ownEnv, ...env },
      ...cwd !== undefined && { cwd },
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding("utf8").on("data", (text: string) => {
        this.#output += text;
        this.#counted();
      });
    }
    this.#ended = new Promise((resolve) => {
      this.#child.on("close", (code) => {
        resolve(code);
        this.#counted();
      });
    });
  }

  /** All that it has written so far, to either stream. */
  get output(): string {
    return this.#output;
  }

  /** Waits for a text that matches, behind `from`; gives the match. */
  async saw(pattern: RegExp, from = 0): Promise<RegExpExecArray> {
    const deadline = AbortSignal.timeout(patienceMs);
    for (;;) {
      const match = pattern.exec(this.#output.slice(from));
      if (match !== null) return match;
      if (deadline.aborted || this.#child.exitCode !== null) {
        throw new Error(`no ${pattern} in: ${this.#output}`);
      }
      await new Promise<void>((resolve) => {
        this.#counted = resolve;
        deadline.addEventListener("abort", () => resolve(), { once: true });
      });
    }
  }

  /** The URL that it names after a word of its first line, such as `agent`. */
  async url(word: string): Promise<URL> {
    return new URL((await this.saw(new RegExp(`${word} (http://127[^ \\n]+)`)))[1]!);
  }

  /** How it ended, by itself. */
  get exitCode(): Promise<number | null> {
    return this.#ended;
  }

  /** SIGTERM, and how it ended. */
  async stop(): Promise<number | null> {
    // Deno's `child.kill()` would report its own signal, however the child ends.
    if (this.#child.exitCode === null) kill(this.#child.pid!, "SIGTERM");
    return await this.#ended;
  }
}

/** A request from a loopback address, which identifies the pod to the agent. */
export function send(
  url: URL,
  path: string,
  from = "127.0.0.1",
  { method = "GET", headers = {} as Record<string, string> } = {},
): Promise<Answer> {
  const { hostname: host, port } = url;
  return new Promise((resolve, reject) => {
    const options = { host, port, path, method, headers, localAddress: from, agent: false };
    const sent = request(options, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (part: string) => text += part);
      response.on("end", () => {
        resolve({ status: response.statusCode ?? 0, text, headers: response.headers });
      });
    });
    sent.on("error", reject);
    sent.end();
  });
}

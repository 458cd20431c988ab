/** A process that touches nothing: files by name, HTTP by script, output kept. */
import type { HttpClient } from "../../src/runtime/http/types.ts";
import type { Runtime } from "../../src/runtime/runtime.ts";

export interface FakeHostOptions {
  readonly files?: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
  readonly isTerminal?: boolean;
  /** Without it nothing answers. */
  readonly fetch?: HttpClient["fetch"];
}

export interface FakeRuntime {
  readonly runtime: Runtime;
  /** Output and errors, in order. */
  written(): string;
}

/** What a test doesn't give rejects, or isn't there. */
export function fakeRuntime(options: FakeHostOptions): FakeRuntime {
  const { files = {}, env = {}, isTerminal = false } = options;
  let written = "";
  const missing = () => Promise.reject(new Error("not there"));
  const write = (text: string) => void (written += text);
  const runtime: Runtime = {
    platform: { name: "node", version: "0" },
    args: [],
    env,
    isTerminal,
    openFilesLimit: () => 1024,
    hasIpv6: () => true,
    collectGarbage: () => {},
    listen: missing,
    httpClient: () => ({
      fetch: options.fetch ?? (() => Promise.reject(new Error("connection refused"))),
      close: () => {},
    }),
    fastGet: () => null,
    follow: () => Promise.resolve(),
    run: missing,
    resolve: missing,
    readTextFile: (path) => {
      const text = files[path];
      return text === undefined ? missing() : Promise.resolve(text);
    },
    writeFile: missing,
    removeFile: () => Promise.resolve(false),
    watchFile: () => () => {},
    onStop: () => {},
    writeOut: write,
    writeLog: (line) => {
      write(line);
      return true;
    },
    logWritten: () => Promise.resolve(),
    writeError: write,
    exit: (code) => {
      throw new Error(`exit ${code}`);
    },
  };
  return { runtime, written: () => written };
}

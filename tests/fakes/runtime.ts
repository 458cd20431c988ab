/** A process that touches nothing: files by name, HTTP by script, output kept. */
import type { HttpClient } from "../../src/runtime/http/types.ts";
import { FileFault } from "../../src/runtime/files.ts";
import type { Runtime } from "../../src/runtime/runtime.ts";

interface FakeRuntimeOptions {
  /** By path; `-` is standard input, a path with others below it is a folder. */
  readonly files?: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
  readonly isTerminal?: boolean;
  /** Without it there is no program to follow. */
  readonly follow?: Runtime["follow"];
  /** Without it nothing answers. */
  readonly fetch?: HttpClient["fetch"];
}

interface FakeRuntime {
  readonly runtime: Runtime;
  /** Output and errors, in order. */
  written(): string;
}

/** What a test doesn't give rejects, or isn't there. */
export function fakeRuntime(options: FakeRuntimeOptions): FakeRuntime {
  const { files = {}, env = {}, isTerminal = false } = options;
  let written = "";
  const missing = () => Promise.reject(new Error("not there"));
  const write = (text: string) => void (written += text);
  const runtime: Runtime = {
    platform: { name: "node", version: "0" },
    program: "",
    args: [],
    env,
    isTerminal,
    isInteractive: false,
    openFilesLimit: () => 1024,
    hasIpv6: () => true,
    localAddresses: () => [],
    processUsage: () => ({ cpuSeconds: 0, residentBytes: 0, startedAt: 0, openFiles: null }),
    cpuMs: () => 0,
    procFiles: () => {
      const refuse = () =>
        Promise.reject(Object.assign(new Error("not there"), { code: "ENOENT" }));
      return { list: refuse, link: refuse, inode: refuse, text: refuse, open: refuse };
    },
    listen: missing,
    httpClient: () => ({
      fetch: options.fetch ?? (() => Promise.reject(new Error("connection refused"))),
      close: () => {},
    }),
    fastGet: () => undefined,
    follow: options.follow ??
      (() => Promise.resolve({ code: 127, stderr: "there is no such program" })),
    run: () => Promise.resolve({ code: 127, stdout: "", stderr: "there is no such program" }),
    resolve: missing,
    ...fakeFiles(files),
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

/** The reading of files that a test holds, with the faults of the real one. */
export function fakeFiles(files: Readonly<Record<string, string>>) {
  const namesIn = (path: string) => {
    const folder = path.replace(/\/$/, "");
    return Object.keys(files).filter((one) => one.startsWith(`${folder}/`))
      .map((one) => one.slice(folder.length + 1).replace(/\/.*/, ""));
  };
  const fault = (code: string) => Promise.reject(new FileFault({ code, message: code }));
  return {
    readTextFile: (path: string): Promise<string> => {
      const text = files[path];
      if (text !== undefined) return Promise.resolve(text);
      return fault(namesIn(path).length > 0 ? "EISDIR" : "ENOENT");
    },
    listFolder: (path: string): Promise<readonly string[]> =>
      Promise.resolve([...new Set(namesIn(path))]),
    readStdin: () => Promise.resolve(files["-"] ?? ""),
  };
}

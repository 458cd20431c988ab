/**
 * The process as a value: arguments, environment, output, signals, network and files. `main.ts`
 * creates one and passes it on; no other code uses the globals of the runtime.
 */
import { lookup } from "node:dns/promises";
import process from "node:process";
import { text } from "node:stream/consumers";
import type { Runtime } from "./runtime.ts";
import { listFolder, readTextFile, removeFile, replaceFile, watchFile } from "./files.ts";
import { createHttpClient } from "./http/client.ts";
import { listen } from "./http/listener.ts";
import { LogOutput } from "./log_output.ts";
import { cpuMs, hasIpv6, localAddresses, openFilesLimit, processUsage } from "./machine.ts";
import { procFiles } from "./proc_files.ts";
import { createFastClient } from "./http/fast/client.ts";

/** Loaded with the first program: many processes run none. */
const programs = () => import("./program.ts");

const usualPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** Call this before anything else: PID 1 needs its signal handlers immediately. */
export function createRuntime(): Runtime {
  const exit = (code: number): never => process.exit(code);
  const signals = new StopSignals(exit);
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.on(signal, () => signals.arrived(signal));
  }
  // A closed pipe (`| head`) must not end the program with a stack trace.
  process.stdout.on("error", () => {});
  process.stderr.on("error", () => {});
  const log = new LogOutput(writeAll);
  const path = process.env["PATH"] || usualPath;
  return {
    platform: platformOf(process.versions),
    program: process.argv[1] ?? "",
    args: process.argv.slice(2),
    env: process.env,
    isTerminal: process.stdout.isTTY === true,
    isInteractive: process.stdin.isTTY === true,
    openFilesLimit,
    hasIpv6,
    localAddresses,
    processUsage,
    cpuMs,
    procFiles,
    listen,
    httpClient: createHttpClient,
    fastGet: createFastClient,
    run: async (...program) => (await programs()).createRunProgram(path)(...program),
    follow: async (...program) => (await programs()).createFollowProgram(path)(...program),
    resolve: async (name) => (await lookup(name, { all: true })).map(({ address }) => address),
    readTextFile,
    listFolder,
    readStdin: () => text(process.stdin),
    writeFile: replaceFile,
    removeFile,
    watchFile,
    onStop: (stop) => signals.onStop(stop),
    writeOut: (text) => void process.stdout.write(text),
    writeLog: (line) => log.write(line),
    logWritten: () => log.written(1000),
    writeError: (text) => void process.stderr.write(text),
    exit,
  };
}

/** Node's own write doesn't block; Deno's does. */
async function writeAll(text: string): Promise<void> {
  if (!("deno" in process.versions)) {
    return await new Promise((resolve) => process.stdout.write(text, () => resolve()));
  }
  for (let bytes = new TextEncoder().encode(text); bytes.length > 0;) {
    bytes = bytes.subarray(await Deno.stdout.write(bytes));
  }
}

function platformOf(versions: NodeJS.ProcessVersions): Runtime["platform"] {
  const { deno } = versions;
  if (deno !== undefined) return { name: "deno", version: deno };
  return { name: "node", version: versions.node };
}

const exitCodes = new Map([["SIGTERM", 143], ["SIGINT", 130]]);

/**
 * The first SIGTERM or SIGINT asks the program to stop, the second ends the process; so does the
 * first without a callback.
 */
export class StopSignals {
  readonly #exit: (code: number) => void;
  readonly #callbacks: ((signal: string) => void)[] = [];
  #stopping = false;

  constructor(exit: (code: number) => void) {
    this.#exit = exit;
  }

  onStop(stop: (signal: string) => void): void {
    this.#callbacks.push(stop);
  }

  arrived(signal: string): void {
    if (this.#stopping || this.#callbacks.length === 0) {
      return this.#exit(exitCodes.get(signal) ?? 1);
    }
    this.#stopping = true;
    for (const stop of this.#callbacks) stop(signal);
  }
}

/** The process as the program sees it, the same on Deno and Node; `process.ts` implements it. */

import type {
  FastGet,
  HttpClient,
  HttpClientOptions,
  Listener,
  ListenOptions,
} from "./http/types.ts";

interface ProcessUsage {
  readonly cpuSeconds: number;
  readonly residentBytes: number;
  /** Seconds since the epoch. */
  readonly startedAt: number;
  readonly openFiles: number | null;
}

export interface ProgramResult {
  /** 127 if the program isn't there. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

interface RunOptions {
  readonly stdin?: string;
  readonly timeoutMs?: number;
  /** Nothing but PATH by default. */
  readonly env?: Readonly<Record<string, string>>;
  /** The program reads from our terminal and prints its errors there; none are returned. */
  readonly terminal?: boolean;
}

/** Runs a program without a shell. */
export type RunProgram = (
  command: string,
  args: readonly string[],
  options?: RunOptions,
) => Promise<ProgramResult>;

interface FollowOptions {
  /** Called with what the program prints, a piece at a time. */
  readonly output: (text: string) => void;
  /** Kills the program. */
  readonly signal: AbortSignal;
  /** Nothing but PATH by default. */
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs a long-lived program; resolves when it ends or `signal` aborts. */
export type FollowProgram = (
  command: string,
  args: readonly string[],
  options: FollowOptions,
) => Promise<Omit<ProgramResult, "stdout">>;

/** A procfs, below its mount point. Every call is asynchronous. */
export interface ProcFiles {
  /** The names in a directory. */
  list(path: string): Promise<readonly string[]>;
  /** What a symbolic link points to. */
  link(path: string): Promise<string>;
  /** The inode number of what the path leads to. */
  inode(path: string): Promise<number>;
  /** A small file. @throws {RangeError} it is longer than 64 KiB */
  text(path: string): Promise<string>;
  /** A file of any size. What it shows is fixed now: a PID may be another process's later. */
  open(path: string): Promise<ProcFile>;
}

export interface ProcFile {
  /** To its end, piece by piece, and closes it. @throws {RangeError} it is longer than `maxBytes` */
  scan(maxBytes: number, take: (text: string) => void): Promise<void>;
}

/** Trying to open so many takes 20 ms; no start waits for more. */
export const openFilesTriedAtStart = 4096;
export type OpenFilesEffort = "quick" | "full";

export interface Runtime {
  readonly platform: { readonly name: "deno" | "node"; readonly version: string };
  /** The path that it was started by. */
  readonly program: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Whether output goes to a person at a terminal. */
  readonly isTerminal: boolean;
  /** Whether input comes from a person at a terminal. */
  readonly isInteractive: boolean;
  /**
   * How many files and sockets may be open at once; all listeners together stay under half. If it is
   * `openFilesTriedAtStart`, it may be more, which `full` effort finds out in up to 0.1 s.
   */
  openFilesLimit(effort?: OpenFilesEffort): number;
  /** Whether `[::]` can be listened on. */
  hasIpv6(): boolean;
  localAddresses(): readonly string[];
  /** What this process has used until now; its open files are counted in the first procfs that can be read. */
  processUsage(procRoots: readonly string[]): ProcessUsage;
  /** The processor time that this process has used so far, in milliseconds. */
  cpuMs(): number;
  /** Reads a procfs that is mounted at `root`. */
  procFiles(root: string): ProcFiles;
  listen(options: ListenOptions): Promise<Listener>;
  httpClient(options?: HttpClientOptions): HttpClient;
  /** The fast path for frequent requests to one server; undefined if the origin isn't `http:`. */
  fastGet(origin: string): FastGet | undefined;
  run: RunProgram;
  follow: FollowProgram;
  /** A name's addresses of both families. */
  resolve(name: string): Promise<readonly string[]>;
  /** Rejects with a plain reason and the system's code, such as `ENOENT`; so does `listFolder`. */
  readTextFile(path: string): Promise<string>;
  /** The names in a folder. */
  listFolder(path: string): Promise<readonly string[]>;
  /** Standard input, to its end. */
  readStdin(): Promise<string>;
  writeFile(path: string, content: string | Uint8Array, mode: number): Promise<void>;
  /** Whether the file was there. */
  removeFile(path: string): Promise<boolean>;
  /** Calls back when the file is edited or replaced (rename, Kubernetes' `..data` link); returns a stop. */
  watchFile(path: string, changed: () => void): () => void;
  /** Calls back at the first SIGTERM or SIGINT; a second one ends the process immediately. */
  onStop(stop: (signal: string) => void): void;
  /** Blocks until the reader has taken the text, if necessary: for commands that print and end. */
  writeOut(text: string): void;
  /** Writes a log line without ever waiting for its reader; false if the line was dropped. */
  writeLog(line: string): boolean;
  /** Settles once the log is written, or after a second without a reader. */
  logWritten(): Promise<void>;
  writeError(text: string): void;
  exit(code: number): never;
}

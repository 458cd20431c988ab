/** Files that others replace while we run: read, written whole, and watched for replacement. */
import { type FSWatcher, watch } from "node:fs";
import { chmod, mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { backgroundTimer } from "../time/system_clock.ts";

/** How often a watched file is checked, in milliseconds; tests shorten them. */
export interface WatchTimes {
  /** The wait after a notice, so that several writes cause one call. */
  readonly debounceMs: number;
  /** Checked anyway, since some file systems lose notices. */
  readonly pollMs: number;
  /** Checked this often while the folder can't be watched, for example because it doesn't exist yet. */
  readonly unwatchedPollMs: number;
}

const usualTimes: WatchTimes = { debounceMs: 100, pollMs: 60_000, unwatchedPollMs: 1000 };

/** A file that can't be read; the message is plain and leaves the path to the caller. */
export class FileFault extends Error {
  override readonly name = "FileFault";
  /** The system's own, such as `ENOENT`. */
  readonly code: string;

  constructor(cause: unknown) {
    const { name, code = "", message } = cause as Error & { readonly code?: string };
    const other = code === "" ? message : `the system refuses it (${code})`;
    super(name === "NotCapable" ? reasons["EPERM"] : reasons[code] ?? other);
    this.code = code;
  }
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file",
  EISDIR: "it is a folder",
  ENOTDIR: "a part of its path is no folder",
  EACCES: "reading it isn't permitted",
  EPERM: "reading it isn't permitted",
  ELOOP: "its symbolic links lead in a circle",
  ENAMETOOLONG: "its name is too long",
  EMFILE: "this process has too many files open",
};

/** @throws {FileFault} */
export async function readTextFile(path: string): Promise<string> {
  return await readFile(path, "utf8").catch(asFault);
}

/** The names in a folder. @throws {FileFault} */
export async function listFolder(path: string): Promise<readonly string[]> {
  return await readdir(path).catch(asFault);
}

function asFault(cause: unknown): never {
  throw new FileFault(cause);
}

/** Replaces the file in one step, so that no reader sees half of it; makes its folder if need be. */
export async function replaceFile(
  path: string,
  content: string | Uint8Array,
  mode: number,
): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const draft = `${path}.${crypto.randomUUID().slice(0, 8)}.new`;
  try {
    await writeFile(draft, content, { mode, flag: "wx" });
    await chmod(draft, mode);
    await rename(draft, path);
  } catch (fault) {
    await rm(draft, { force: true });
    throw fault;
  }
}

/** Whether the file was there. */
export async function removeFile(path: string): Promise<boolean> {
  try {
    await rm(path);
    return true;
  } catch (fault) {
    if ((fault as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw fault;
  }
}

/**
 * Calls back when what is at `path` has changed: edited, renamed over, removed, or swapped by way
 * of the `..data` link of a Kubernetes volume. Doesn't keep the process alive.
 */
export function watchFile(
  path: string,
  changed: () => void,
  times: WatchTimes = usualTimes,
): () => void {
  const watched = new WatchedFile(path, changed, times);
  void watched.start();
  return () => watched.stop();
}

class WatchedFile {
  readonly #path: string;
  readonly #changed: () => void;
  readonly #times: WatchTimes;
  #watcher: FSWatcher | undefined;
  #cancelLook: () => void = () => {};
  #cancelPoll: () => void = () => {};
  #seen = "";
  #stopped = false;

  constructor(path: string, changed: () => void, times: WatchTimes) {
    this.#path = path;
    this.#changed = changed;
    this.#times = times;
  }

  async start(): Promise<void> {
    this.#watch();
    this.#seen = await fingerprint(this.#path);
    this.#schedule();
  }

  stop(): void {
    this.#stopped = true;
    this.#cancelLook();
    this.#cancelPoll();
    this.#unwatch();
  }

  #watch(): void {
    if (this.#stopped || this.#watcher !== undefined) return;
    try {
      const watcher = watch(dirname(this.#path), { persistent: false }, () => this.#noticed());
      watcher.on("error", () => this.#unwatch());
      this.#watcher = watcher;
    } catch {
      this.#watcher = undefined;
    }
  }

  #unwatch(): void {
    this.#watcher?.close();
    this.#watcher = undefined;
  }

  #noticed(): void {
    if (this.#stopped) return;
    this.#cancelLook();
    this.#cancelLook = backgroundTimer.after(this.#times.debounceMs, () => void this.#look());
  }

  #schedule(): void {
    if (this.#stopped) return;
    const { pollMs, unwatchedPollMs } = this.#times;
    const ms = this.#watcher === undefined ? unwatchedPollMs : pollMs;
    this.#cancelPoll = backgroundTimer.after(ms, () => {
      this.#watch();
      void this.#look().then(() => this.#schedule());
    });
  }

  async #look(): Promise<void> {
    const now = await fingerprint(this.#path);
    if (this.#stopped || now === this.#seen) return;
    this.#seen = now;
    this.#changed();
  }
}

/** Follows links, so that a swapped folder shows; empty where there is no file. */
async function fingerprint(path: string): Promise<string> {
  try {
    const { dev, ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
    return [dev, ino, size, mtimeNs, ctimeNs].join(":");
  } catch {
    return "";
  }
}

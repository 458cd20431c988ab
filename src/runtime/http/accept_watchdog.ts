/**
 * Detects a listener that has stopped accepting. Deno's node:net stops for good, and without an error,
 * once accept() has failed because no file descriptor was left; the kernel keeps queueing connections.
 */
import { Buffer } from "node:buffer";
import { open } from "node:fs/promises";
import { connect } from "node:net";
import { backgroundTimer } from "../../time/system_clock.ts";

export interface AcceptWatchdog {
  /** Called for every accepted connection. */
  accepted(): void;
  stop(): void;
}

interface AcceptWatchdogOptions {
  /** How many connections the kernel holds for the listener. */
  readonly queued: () => Promise<number>;
  /** Called each time connections have been waiting while none was accepted. */
  readonly stalled: () => void;
  /** A listener is checked once it has accepted nothing for this long. */
  readonly quietMs?: number;
  /** How long a queued connection may wait from then on. */
  readonly patienceMs?: number;
  /**
   * How often it is checked in that time: a program that was starved of processor time runs one check
   * late, and accepts before the next.
   */
  readonly checks?: number;
}

/** Doesn't keep the process alive. */
export function startAcceptWatchdog(options: AcceptWatchdogOptions): AcceptWatchdog {
  const { queued, stalled, quietMs = 1000, patienceMs = 500, checks = 5 } = options;
  let accepted = 0;
  let cancel = () => {};
  let stopped = false;
  const after = (ms: number, run: () => Promise<void>) => {
    if (stopped) return;
    cancel = backgroundTimer.after(ms, () => void run());
  };
  const check = (before: number, seen = 0) => async () => {
    const waits = accepted === before && await queued() > 0 && accepted === before;
    if (waits && seen < checks) return after(patienceMs / checks, check(before, seen + 1));
    if (waits) stalled();
    after(quietMs, check(accepted));
  };
  after(quietMs, check(0));
  return {
    accepted: () => void accepted++,
    stop() {
      stopped = true;
      cancel();
    },
  };
}

const listening = "0A";

/** The queue of a listening port, of both families; undefined where /proc can't be read. */
export async function queuedConnections(
  port: number,
  folder = "/proc/self/net",
): Promise<number | undefined> {
  const tables = await Promise.all(
    ["tcp", "tcp6"].map((name) => listenersIn(`${folder}/${name}`)),
  );
  if (tables.every((text) => text === "")) return undefined;
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  let queued = 0;
  for (const line of tables.join("\n").split("\n")) {
    const [, local, , state, queues] = line.trim().split(/\s+/);
    if (state !== listening || !local?.endsWith(suffix)) continue;
    queued += parseInt(queues?.split(":")[1] ?? "0", 16);
  }
  return queued;
}

/**
 * The beginning of a table, as far as listening sockets go: the kernel lists those first, and on a
 * busy node many thousand connections follow. Empty if there is no such file.
 */
async function listenersIn(path: string): Promise<string> {
  const file = await open(path).catch(() => undefined);
  if (file === undefined) return "";
  const piece = Buffer.alloc(16_384);
  let text = "";
  try {
    while (!otherState.test(text)) {
      const { bytesRead } = await file.read(piece, 0, piece.length);
      if (bytesRead === 0) break;
      text += piece.toString("latin1", 0, bytesRead);
    }
  } catch {
    return text;
  } finally {
    await file.close();
  }
  return text;
}

/** A socket that isn't listening, as its line begins. */
const otherState = /^ *\d+: [0-9A-F]+:[0-9A-F]{4} [0-9A-F]+:[0-9A-F]{4} (?!0A )/m;

/** How long a connection of our own stays open, to see whether it is accepted. */
const stayMs = 1000;

/**
 * For programs that may not read /proc: connects to the listener itself. 1 if the connection waits in
 * the kernel's queue until it is accepted, or if the queue is full and takes none; 0 if it can't
 * connect.
 */
export function ownConnectionQueued(to: { host: string; port: number }): Promise<number> {
  return new Promise((resolve) => {
    const socket = connect(to, () => resolve(1));
    socket.unref();
    socket.on("error", () => resolve(0));
    const leave = () => {
      resolve(1);
      socket.destroy();
    };
    backgroundTimer.after(stayMs, leave);
  });
}

/** The address at which this machine reaches such a listener. */
export function reachableHost(host: string): string {
  if (host === "0.0.0.0") return "127.0.0.1";
  return host === "::" ? "::1" : host;
}

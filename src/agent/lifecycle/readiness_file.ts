/**
 * Says in a file whether this agent is ready. While it is replaced, two agents share the node's
 * admin port, so a question there may reach the other one; a file of the pod's own can't.
 */
import type { Clock, Log } from "../ports.ts";
import { pause } from "../../time/pause.ts";

interface ReadinessFileOptions {
  /** null keeps none. */
  readonly path: string | null;
  /** Replaces the file as a whole. */
  readonly write: (path: string, text: string, mode: number) => Promise<void>;
  /** One line for each thing missing; empty means ready. */
  readonly missing: () => readonly string[];
  readonly clock: Clock;
  readonly log: Log;
}

/** How long the file may lag behind, in milliseconds. */
const lookEveryMs = 250;

/** Holds `ok` or what is missing, a line each; `stopping` once the signal has aborted. */
export async function keepReadinessFile(
  { path, write, missing, clock, log }: ReadinessFileOptions,
  signal: AbortSignal,
): Promise<void> {
  if (path === null) return;
  let written = "";
  const tell = async (text: string) => {
    if (text === written) return;
    written = text;
    await write(path, text, 0o644).catch((error) => {
      log.error({ path, error: String(error) }, "--readiness-file can't be written");
    });
  };
  while (!signal.aborted) {
    const lines = missing();
    await tell(lines.length === 0 ? "ok\n" : `${lines.join("\n")}\n`);
    await pause(clock, lookEveryMs, signal);
  }
  await tell("stopping\n");
}

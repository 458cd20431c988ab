/** Why the agent isn't ready, one line per cause, and the file that shows it. */
import type { RedirectStatus } from "../redirect/redirect_reconciler.ts";
import type { ServerClientStatus } from "../server_client/server_client.ts";
import type { Clock, Log } from "../ports.ts";
import { pause } from "../../time/pause.ts";

/** A connection lost for a moment doesn't count: known pods are still answered. */
export function missingForReadiness(
  redirect: Pick<RedirectStatus, "inPlace" | "lastError">,
  link: Pick<ServerClientStatus, "problem" | "address">,
  known: { readonly everSynced: boolean; readonly confirmed: boolean },
): readonly string[] {
  const missing: string[] = [];
  if (!redirect.inPlace) missing.push(`redirect: ${redirect.lastError ?? "not in place yet"}`);
  const followed = `connected to ${link.address}, but`;
  if (!known.everSynced) {
    missing.push(`server: ${link.problem ?? `${followed} its snapshot isn't complete yet`}`);
  } else if (!known.confirmed) {
    missing.push(`server: ${link.problem ?? `${followed} its watch of the cluster has stalled`}`);
  }
  return missing;
}

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

/**
 * While this agent is replaced, two agents share the node's admin port, so a request there may reach
 * the other one; a file of the pod's own can't. It holds `ok` or what is missing, a line each;
 * `stopping` once the signal has aborted.
 */
export async function keepReadinessFile(
  { path, write, missing, clock, log }: ReadinessFileOptions,
  signal: AbortSignal,
): Promise<void> {
  if (path === null) return;
  let written = "";
  const report = async (text: string) => {
    if (text === written) return;
    written = text;
    await write(path, text, 0o644).catch((error) => {
      log.error({ path, error: String(error) }, "--readiness-file can't be written");
    });
  };
  while (!signal.aborted) {
    const lines = missing();
    await report(lines.length === 0 ? "ok\n" : `${lines.join("\n")}\n`);
    await pause(clock, lookEveryMs, signal);
  }
  await report("stopping\n");
}

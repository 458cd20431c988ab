/** Tells the server how this agent is doing: on change, every 30 s, and to each new replica. */
import type { AgentReport } from "../../protocol/frames.ts";
import type { Clock } from "../ports.ts";
import { pause } from "../../time/pause.ts";

const lookEveryMs = 1000;
const tellEveryMs = 30_000;

export interface ReporterDeps {
  readonly clock: Clock;
  readonly report: () => AgentReport;
  /** The replica whose stream is followed; null = none. */
  readonly address: () => string | null;
  /** One POST to that replica. */
  readonly send: (body: string) => Promise<Response>;
}

/** Runs until the signal aborts. A report that fails is sent again when the next is due. */
export async function runReporter(deps: ReporterDeps, signal: AbortSignal): Promise<void> {
  let told = { what: "", at: -Infinity };
  while (!signal.aborted) {
    const address = deps.address();
    const body = JSON.stringify(deps.report());
    const what = `${address} ${body}`;
    const now = deps.clock.monotonic();
    if (address !== null && (what !== told.what || now - told.at >= tellEveryMs)) {
      told = { what, at: now };
      await deps.send(body).then((response) => response.body?.cancel()).catch(() => {});
    }
    await pause(deps.clock, lookEveryMs, signal);
  }
}

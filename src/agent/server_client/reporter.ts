/** Reports this agent's state to the server: on change, every 30 s, and to each new replica. */
import type { AgentReport } from "../../protocol/frames.ts";
import type { Clock } from "../ports.ts";
import { pause } from "../../time/pause.ts";

const lookEveryMs = 1000;
const sendEveryMs = 30_000;

interface ReporterOptions {
  readonly clock: Clock;
  readonly report: () => AgentReport;
  /** The replica whose stream is followed; null = none. */
  readonly address: () => string | null;
  /** One POST to that replica. */
  readonly send: (body: string) => Promise<Response>;
}

/**
 * Runs until the signal aborts. A report that fails is sent again when the next is due. Pods'
 * requests without a token change all the time, so they wait for the next report.
 */
export async function runReporter(options: ReporterOptions, signal: AbortSignal): Promise<void> {
  let sent = { what: "", at: -Infinity };
  while (!signal.aborted) {
    const address = options.address();
    const report = options.report();
    const body = JSON.stringify(report);
    const what = `${address} ${JSON.stringify({ ...report, withoutToken: null })}`;
    const now = options.clock.monotonic();
    if (address !== null && (what !== sent.what || now - sent.at >= sendEveryMs)) {
      sent = { what, at: now };
      await options.send(body).then((response) => response.body?.cancel()).catch(() => {});
    }
    await pause(options.clock, lookEveryMs, signal);
  }
}

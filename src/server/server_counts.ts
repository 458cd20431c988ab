/** The server's counters as plain numbers; `metrics.ts` converts them for a scrape. */
import { RequestTally } from "../telemetry/request_tally.ts";
import type { FeedEnd } from "./assignments/assignment_feed.ts";
import type { EventOutcome } from "./assignments/object_events.ts";
import type { CallReport } from "./credentials/credential_reports.ts";

const seconds = [0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30];

export class ServerCounts {
  /** By route and code. */
  readonly requests = new Map<string, Map<number, number>>();
  readonly stsCalls = new Map<CallReport["outcome"], number>();
  readonly callTimes = new RequestTally(seconds, "without label");
  readonly queueWaits = new RequestTally(seconds, "without label");
  readonly streamEnds = new Map<FeedEnd, number>();
  readonly events = new Map<EventOutcome, number>();

  readonly answered = (route: string, status: number): void => {
    const codes = this.requests.get(route) ?? new Map<number, number>();
    this.requests.set(route, codes);
    increment(codes, status);
  };

  readonly called = ({ outcome, durationMs, waitedMs }: CallReport): void => {
    increment(this.stsCalls, outcome);
    this.callTimes.add(null, 200, durationMs);
    this.queueWaits.add(null, 200, waitedMs);
  };

  readonly streamEnded = (why: FeedEnd): void => increment(this.streamEnds, why);

  readonly eventEnded = (outcome: EventOutcome): void => increment(this.events, outcome);
}

function increment<Key>(counts: Map<Key, number>, key: Key): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

/** The agent's counters as plain numbers; `metrics.ts` converts them for a scrape. */
import type { CheckOutcome } from "../container_credentials/token_pods.ts";
import type { ProofOutcome } from "../identity/connection_proofs.ts";
import { RequestTally } from "../../telemetry/request_tally.ts";

/** From memory an answer takes microseconds; a wait for the server at most 0.9 s. */
const seconds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

export class AgentCounts {
  readonly requests = new RequestTally(seconds);
  /** Waits for a pod or its credentials. */
  readonly waits = new RequestTally(seconds, "without label");
  readonly tokenChecks = new Map<CheckOutcome, number>();
  readonly proofs = new Map<ProofOutcome, number>();
  disagreements = 0;

  readonly answered = (handler: string, status: number, ms: number): void => {
    this.requests.add(handler, status, ms);
  };

  readonly waited = (ms: number): void => this.waits.add(null, 200, ms);

  readonly proved = (outcome: ProofOutcome): void => {
    this.proofs.set(outcome, (this.proofs.get(outcome) ?? 0) + 1);
  };

  readonly disagreed = (): void => {
    this.disagreements++;
  };

  readonly tokenChecked = (outcome: CheckOutcome): void => {
    this.tokenChecks.set(outcome, (this.tokenChecks.get(outcome) ?? 0) + 1);
  };
}

/**
 * When each pod last made a request without a session token, as IMDSv1 does: the server shows which
 * pods would break if tokens were required.
 */
import { type AgentReport, maxWithoutToken } from "../../protocol/frames.ts";
import { instant } from "../../time/instant.ts";
import type { Clock } from "../ports.ts";

export class TokenlessRequests {
  readonly #clock: Clock;
  readonly #since: number;
  readonly #last = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#since = clock.now();
  }

  readonly add = (uid: string): void => void this.#last.set(uid, this.#clock.now());

  /** Pods that are no longer assigned to this node are forgotten. */
  report(isAssigned: (uid: string) => boolean): {
    readonly withoutToken: NonNullable<AgentReport["withoutToken"]>;
    readonly withoutTokenSince: string;
  } {
    for (const uid of this.#last.keys()) if (!isAssigned(uid)) this.#last.delete(uid);
    const latest = [...this.#last].sort(([, a], [, b]) => b - a).slice(0, maxWithoutToken);
    return {
      withoutToken: latest.map(([uid, at]) => ({ uid, at: instant(at) })),
      withoutTokenSince: instant(this.#since),
    };
  }
}

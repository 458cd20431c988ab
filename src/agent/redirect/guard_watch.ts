/**
 * The state of the routing guard after each round: in place, repaired, or the reason why not. A fault
 * is logged and retried. It doesn't affect readiness, since the redirect works without the guard.
 */
import type { Log } from "../ports.ts";
import type { RouteGuard } from "./route_guard.ts";

export interface GuardStatus {
  readonly inPlace: boolean;
  /** Times that rules were missing or changed after they had been put in place. */
  readonly repairs: number;
  /** One line with the remedy; null while all is well. */
  readonly lastError: string | null;
}

export class GuardWatch {
  readonly #guard: RouteGuard;
  readonly #log: Log;
  #everInPlace = false;
  #status: GuardStatus = { inPlace: false, repairs: 0, lastError: null };

  constructor(guard: RouteGuard, log: Log) {
    this.#guard = guard;
    this.#log = log;
  }

  status(): GuardStatus {
    return this.#status;
  }

  /** One round: looks, repairs where needed, and never rejects. */
  async check(): Promise<void> {
    try {
      this.#held(await this.#guard.ensure());
    } catch (fault) {
      this.#failed(fault instanceof Error ? fault.message : String(fault));
    }
  }

  #held(changed: boolean): void {
    const repaired = changed && this.#everInPlace;
    const repairs = this.#status.repairs + Number(repaired);
    if (!this.#everInPlace) this.#log.info({}, "routing keeps pods off the metadata service");
    if (repaired) this.#log.warn({ repairs }, "routing rules repaired");
    this.#everInPlace = true;
    this.#status = { inPlace: true, repairs, lastError: null };
  }

  #failed(problem: string): void {
    if (problem !== this.#status.lastError) {
      this.#log.warn(
        { problem },
        "no guard by routing: while the packet filter is flushed, pods reach the metadata service",
      );
    }
    this.#status = { ...this.#status, inPlace: false, lastError: problem };
  }
}

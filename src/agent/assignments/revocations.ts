/**
 * UIDs revoked a moment ago. A UID never comes back, so another replica that still names one is
 * merely behind, and its word must not bring back a pod whose address may be another's by now.
 */
import type { Clock } from "../ports.ts";

export class Revocations {
  readonly #clock: Clock;
  readonly #keptMs: number;
  readonly #revoked = new Map<string, { readonly until: number; readonly by: object }>();

  constructor(clock: Clock, keptMs: number) {
    this.#clock = clock;
    this.#keptMs = keptMs;
  }

  add(uid: string, by: object): void {
    const now = this.#clock.monotonic();
    for (const [other, { until }] of this.#revoked) {
      if (until > now) break;
      this.#revoked.delete(other);
    }
    this.#revoked.delete(uid);
    this.#revoked.set(uid, { until: now + this.#keptMs, by });
  }

  /** Whether `source` must not name the pod: the one that revoked it may, it knows its own order. */
  bars(uid: string, source: object | null): boolean {
    const revoked = this.#revoked.get(uid);
    if (!revoked || revoked.by === source) return false;
    return revoked.until > this.#clock.monotonic();
  }
}

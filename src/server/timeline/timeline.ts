/**
 * The last hour's events: credentials issued and renewed, denials, and STS failures. Bounded: counts
 * per minute of all events, and the latest ones in detail, with repeated events counted in one row.
 */
import { type ExpiringCache, expiringCache } from "../../time/expiring_cache.ts";
import type { Clock } from "../../time/clock.ts";

/** `denied` by the policy, `failed` at STS. */
type TimelineKind = "issued" | "renewed" | "denied" | "failed";

export interface TimelineEvent {
  readonly kind: TimelineKind;
  readonly roleArn: string | null;
  readonly sessionName: string | null;
  /** Of a denial; null for credentials, which several pods may share. */
  readonly namespace: string | null;
  readonly pod: string | null;
  /** The number of pods concerned. */
  readonly pods: number;
  /** Of a denial or failure: its tag. */
  readonly reason: string | null;
}

export interface TimelineRow extends TimelineEvent {
  /** Of the latest occurrence, milliseconds since the epoch. */
  readonly at: number;
  readonly times: number;
}

export interface MinuteRow {
  /** The start of the minute, milliseconds since the epoch. */
  readonly at: number;
  readonly issued: number;
  readonly renewed: number;
  readonly denied: number;
  readonly failed: number;
}

export interface TimelineView {
  /** Oldest first; minutes without events are left out. */
  readonly minutes: readonly MinuteRow[];
  /** Latest first. */
  readonly latest: readonly TimelineRow[];
}

export const emptyTimeline: TimelineView = { minutes: [], latest: [] };

const minuteMs = 60_000;
const spanMs = 60 * minuteMs;
const maxRows = 300;
const none = { issued: 0, renewed: 0, denied: 0, failed: 0 };

export class Timeline {
  readonly #clock: Clock;
  readonly #rows: ExpiringCache<TimelineRow>;
  readonly #minutes = new Map<number, MinuteRow>();

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#rows = expiringCache({ max: maxRows, ttlMs: spanMs, now: () => clock.now() });
  }

  add(event: TimelineEvent): void {
    const at = this.#clock.now();
    this.#count(at, event.kind);
    const key = JSON.stringify([
      event.kind,
      event.roleArn,
      event.sessionName,
      event.namespace,
      event.pod,
      event.reason,
    ]);
    const times = (this.#rows.get(key)?.times ?? 0) + 1;
    this.#rows.set(key, { ...event, at, times });
  }

  view(): TimelineView {
    this.#forget(this.#clock.now());
    return { minutes: [...this.#minutes.values()], latest: [...this.#rows.values()] };
  }

  #count(now: number, kind: TimelineKind): void {
    const at = now - now % minuteMs;
    const minute = this.#minutes.get(at) ?? { at, ...none };
    this.#minutes.set(at, { ...minute, [kind]: minute[kind] + 1 });
    this.#forget(now);
  }

  #forget(now: number): void {
    for (const at of this.#minutes.keys()) if (at <= now - spanMs) this.#minutes.delete(at);
  }
}

/** The timelines of several replicas as one. */
export function mergeTimelines(views: readonly TimelineView[]): TimelineView {
  const minutes = new Map<number, MinuteRow>();
  for (const row of views.flatMap((view) => view.minutes)) {
    minutes.set(row.at, sum(row, minutes.get(row.at)));
  }
  return {
    minutes: [...minutes.values()].sort((a, b) => a.at - b.at),
    latest: views.flatMap((view) => view.latest).sort((a, b) => b.at - a.at).slice(0, maxRows),
  };
}

function sum(row: MinuteRow, other: MinuteRow = { at: row.at, ...none }): MinuteRow {
  return {
    at: row.at,
    issued: row.issued + other.issued,
    renewed: row.renewed + other.renewed,
    denied: row.denied + other.denied,
    failed: row.failed + other.failed,
  };
}

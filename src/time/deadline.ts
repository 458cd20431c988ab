/** Limits how long a call may take. */
import type { Clock } from "./clock.ts";

export interface DeadlineOptions {
  readonly clock: Pick<Clock, "after">;
  readonly ms: number;
  /** The caller's own: the call ends early with its reason. */
  readonly signal?: AbortSignal | undefined;
  /** What to reject with when the time is up; a DeadlineExceeded by default. */
  readonly fault?: () => Error;
}

/** The time is up. */
export class DeadlineExceeded extends Error {
  readonly code = "deadline_exceeded";
  override readonly name = "TimeoutError";

  constructor(ms: number) {
    super(`no answer within ${ms / 1000} s`);
  }
}

/**
 * Settles as `task` does, but rejects at once when the time is up or the caller's signal aborts,
 * even if the task ignores its signal. What the task leaves behind, such as a response's body,
 * still ends with the caller's signal.
 * @throws {DeadlineExceeded} or `fault`, or the reason of the caller's signal
 */
export async function withDeadline<T>(
  { clock, ms, signal, fault = () => new DeadlineExceeded(ms) }: DeadlineOptions,
  task: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  signal?.throwIfAborted();
  const expired = new AbortController();
  const ends = signal ? AbortSignal.any([signal, expired.signal]) : expired.signal;
  const ended = Promise.withResolvers<never>();
  const end = () => ended.reject(ends.reason);
  ends.addEventListener("abort", end, { once: true });
  const cancel = clock.after(ms, () => expired.abort(fault()));
  try {
    return await Promise.race([ended.promise, task(ends)]);
  } finally {
    ends.removeEventListener("abort", end);
    cancel();
  }
}

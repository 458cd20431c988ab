/** Bounds a call in time on a given clock, beside the signal of whoever asked for it. */
import type { Clock } from "../kubernetes/ports.ts";

/** Runs `task` with a signal that aborts after `ms` or with `signal`. */
export async function withDeadline<T>(
  clock: Clock,
  ms: number,
  signal: AbortSignal | undefined,
  task: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const expired = new AbortController();
  const reason = new DOMException(`no answer within ${ms / 1000} s`, "TimeoutError");
  const cancel = clock.after(ms, () => expired.abort(reason));
  try {
    return await task(signal ? AbortSignal.any([signal, expired.signal]) : expired.signal);
  } finally {
    cancel();
  }
}

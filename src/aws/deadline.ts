/** Bounds a call in time, whatever it does with its signal. */

/** The time was up. */
export class DeadlineExceeded extends Error {
  override readonly name = "TimeoutError";
}

/** The caller has called it off. */
export class CalledOff extends Error {
  override readonly name = "AbortError";
}

/**
 * Settles as `run` does, but rejects at once when `signal` aborts or `ms` have passed; `run`'s own
 * signal aborts then too.
 */
export async function withDeadline<T>(
  ms: number,
  signal: AbortSignal | undefined,
  run: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  if (signal?.aborted) throw new CalledOff("called off");
  const controller = new AbortController();
  const { promise: ended, reject } = Promise.withResolvers<never>();
  const end = (reason: Error) => {
    reject(reason);
    controller.abort(reason);
  };
  const callOff = () => end(new CalledOff("called off"));
  const timer = setTimeout(() => end(new DeadlineExceeded(`no answer within ${ms} ms`)), ms);
  signal?.addEventListener("abort", callOff);
  try {
    return await Promise.race([ended, run(controller.signal)]);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", callOff);
  }
}

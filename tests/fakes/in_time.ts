/** Limits for what tests wait for: a failure names it instead of hanging the whole run. */

const limitMs = 60_000;

/** Settles as the promise does; rejects after a minute. */
export function inTime<T>(what: string, promise: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(notInTime(what)), limitMs);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** Settles once the condition holds, which is checked at each turn of the event loop. */
export async function eventually(what: string, condition: () => boolean): Promise<void> {
  const end = performance.now() + limitMs;
  while (!condition()) {
    if (performance.now() > end) throw notInTime(what);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

function notInTime(what: string): Error {
  return new Error(`${what}: not within ${limitMs / 1000} s`);
}

/** Polls a condition up to a deadline; the error has the last result. */

/** The condition didn't come true in time. */
class NotInTime extends Error {
  readonly code = "not_in_time";
  override readonly name = "NotInTime";
}

/** Thrown by a check if the condition can't come true any more. */
export class Hopeless extends Error {
  readonly code = "hopeless";
  override readonly name = "Hopeless";
}

interface Patience {
  /** Milliseconds. */
  readonly within?: number;
  readonly every?: number;
}

/** A pause between two checks of something that changes on its own. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/**
 * Resolves to the first truthy result of `check`. If `check` throws, that counts as not yet; the last
 * message is reported when the time runs out.
 */
export async function until<T>(
  what: string,
  check: () => T | Promise<T>,
  { within = 60_000, every = 50 }: Patience = {},
): Promise<NonNullable<T>> {
  const end = performance.now() + within;
  let last: unknown = "nothing yet";
  while (true) {
    try {
      const seen = await check();
      if (seen) return seen;
      last = seen;
    } catch (fault) {
      if (fault instanceof Hopeless) throw new Hopeless(`${what}: ${fault.message}`);
      last = fault instanceof Error ? fault.message : fault;
    }
    if (performance.now() > end) {
      throw new NotInTime(`${what}: not within ${within} ms; last: ${String(last).slice(0, 500)}`);
    }
    await pause(every);
  }
}

/** How long to wait after STS has given nothing. */

const firstRetryMs = 250;
const longestRetryMs = 30_000;
const firstRefusalMs = 30_000;
const longestRefusalMs = 300_000;

/**
 * After the nth fault in a row that may pass by itself: anything up to a limit that doubles from
 * 0.25 s to 30 s. The whole span is drawn from, so that those who failed together don't come back
 * together.
 */
export function retryDelayMs(faults: number, random: () => number): number {
  return random() * doubled(firstRetryMs, faults, longestRetryMs);
}

/** After the nth answer that asking again can't change: 30 s, doubling to 5 min. */
export function refusalDelayMs(refusals: number): number {
  return doubled(firstRefusalMs, refusals, longestRefusalMs);
}

function doubled(first: number, times: number, most: number): number {
  return Math.min(most, first * 2 ** Math.min(32, Math.max(0, times - 1)));
}

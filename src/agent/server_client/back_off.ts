/** How long to wait before the next try. */

const firstMs = 1000;
const longestMs = 30_000;

/** Doubles from 1 s to 30 s; `random` (0 to 1) takes away up to half, so that agents spread out. */
export function backOffMs(attempt: number, random: number): number {
  const whole = Math.min(longestMs, firstMs * 2 ** Math.min(attempt, 10));
  return Math.round(whole * (1 - random / 2));
}

/** How long a pod's sessions last: its annotation, within the server's limits. */

/** The minimum of AssumeRole's DurationSeconds. */
const minSeconds = 900;
const unitSeconds: Readonly<Record<string, number>> = { "": 1, s: 1, m: 60, h: 3600 };

type ParsedDuration =
  | { readonly kind: "duration"; readonly seconds: number }
  | { readonly kind: "invalid"; readonly problem: string };

/**
 * Seconds of `900s`, `15m`, `1h`, or of a bare number as in AWS's own settings; between 15 minutes and
 * `maxSeconds`. Out-of-range values are invalid, not clamped: a session shorter than requested would
 * be a surprise.
 */
export function parseSessionDuration(text: string, maxSeconds: number): ParsedDuration {
  const [, digits, unit] = /^([0-9]{1,6})([smh]?)$/.exec(text) ?? [];
  if (digits === undefined || unit === undefined) {
    return { kind: "invalid", problem: "is not a duration such as 900s, 45m or 1h" };
  }
  const seconds = Number(digits) * (unitSeconds[unit] ?? 1);
  if (seconds < minSeconds) {
    return { kind: "invalid", problem: "is less than 15m, the minimum of STS" };
  }
  if (seconds > maxSeconds) {
    return { kind: "invalid", problem: `is more than the server's ${inWords(maxSeconds)}` };
  }
  return { kind: "duration", seconds };
}

/** `1h`, `90m`, `1000s`: in the largest unit that divides it. */
export function inWords(seconds: number): string {
  if (seconds % 3600 === 0) return `${seconds / 3600}h`;
  return seconds % 60 === 0 ? `${seconds / 60}m` : `${seconds}s`;
}

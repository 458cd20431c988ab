/** How long a pod's sessions last: what its annotation asks for, within what the server gives. */

/** AssumeRole's least, 900 s. */
const least = 900;
const unitSeconds: Readonly<Record<string, number>> = { "": 1, s: 1, m: 60, h: 3600 };

export type ParsedDuration =
  | { readonly kind: "duration"; readonly seconds: number }
  | { readonly kind: "invalid"; readonly problem: string };

/**
 * Seconds of `90s`, `15m`, `1h`, or of a bare number as AWS's own settings have it; between 15 minutes
 * and `mostSeconds`. Never rounded to what would fit: a shorter session than asked for would surprise.
 */
export function parseSessionDuration(text: string, mostSeconds: number): ParsedDuration {
  const [, digits, unit] = /^([0-9]{1,6})([smh]?)$/.exec(text) ?? [];
  if (digits === undefined || unit === undefined) {
    return { kind: "invalid", problem: "is no duration such as 900s, 45m or 1h" };
  }
  const seconds = Number(digits) * (unitSeconds[unit] ?? 1);
  if (seconds < least) return { kind: "invalid", problem: "is less than 15m, the least of STS" };
  if (seconds > mostSeconds) {
    return { kind: "invalid", problem: `is more than the server's ${inWords(mostSeconds)}` };
  }
  return { kind: "duration", seconds };
}

/** `1h`, `90m`, `1000s`: the largest unit that leaves no rest. */
export function inWords(seconds: number): string {
  if (seconds % 3600 === 0) return `${seconds / 3600}h`;
  return seconds % 60 === 0 ? `${seconds / 60}m` : `${seconds}s`;
}

/**
 * The form of a denial's text: one line of printable ASCII, at most 500 bytes, whatever values it
 * contains. The same line goes into HTTP bodies, Events, logs and status pages, so callers never
 * pass an external ID.
 */
import type { Denial, DenialReason } from "./facts.ts";

/** A value, or why the pod is denied. */
export type Checked<T> =
  | { readonly denial: Denial; readonly value?: never }
  | { readonly denial: null; readonly value: T };

const maxMessage = 500;
const ellipsis = "...";

/** The value of a check that found nothing wrong. */
export function passed<T>(value: T): Checked<T> {
  return { denial: null, value };
}

/** A denial, its message reduced to one line of at most 500 bytes. */
export function denial(reason: DenialReason, message: string): Denial {
  return { reason, message: shown(message, maxMessage) };
}

/**
 * An untrusted value, safe to put into a message: at most `max` characters of printable ASCII. Other
 * characters become `\uXXXX` (so no line breaks, terminal codes or look-alikes). A long value loses
 * its middle, because a role's name is at the end of its ARN.
 */
export function shown(value: string, max: number): string {
  if (value.length <= max) {
    const whole = escaped(value);
    if (whole.length <= max) return whole;
  }
  const tailLength = Math.floor((max - ellipsis.length) / 3);
  const head = fitting(value.slice(0, max).split(""), max - ellipsis.length - tailLength);
  const tail = fitting(value.slice(-max).split("").reverse(), tailLength).reverse();
  return head.join("") + ellipsis + tail.join("");
}

/** {@link shown} between double quotes, for text that users wrote. */
export function quoted(value: string, max: number): string {
  return `"${shown(value, max)}"`;
}

function escaped(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, escapedUnit);
}

function escapedUnit(unit: string): string {
  return "\\u" + unit.charCodeAt(0).toString(16).padStart(4, "0");
}

function fitting(units: readonly string[], maxLength: number): string[] {
  const taken: string[] = [];
  let left = maxLength;
  for (const unit of units) {
    const piece = escaped(unit);
    left -= piece.length;
    if (left < 0) return taken;
    taken.push(piece);
  }
  return taken;
}

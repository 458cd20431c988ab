/**
 * How a refusal is worded: one line of printable ASCII, at most 500 bytes, whatever the values in it
 * are. The same line reaches HTTP bodies, Events, logs and status pages. What it says is for those
 * who refuse; external IDs never come here.
 */
import type { Denial, DenialReason } from "./facts.ts";

const maxMessage = 500;
const ellipsis = "...";

/** A refusal with its message made one line of at most 500 bytes. */
export function denial(reason: DenialReason, message: string): Denial {
  return { reason, message: shown(message, maxMessage) };
}

/**
 * A foreign value as it may stand in a message: at most `max` characters of printable ASCII. Others
 * become `\uXXXX` (never raw, so no line breaks, no terminal codes, no look-alikes); what is too long
 * loses its middle, since a role's name stands at the end of its ARN.
 */
export function shown(value: string, max: number): string {
  if (value.length <= max) {
    const whole = escaped(value);
    if (whole.length <= max) return whole;
  }
  const tailRoom = Math.floor((max - ellipsis.length) / 3);
  const head = fitting(value.slice(0, max).split(""), max - ellipsis.length - tailRoom);
  const tail = fitting(value.slice(-max).split("").reverse(), tailRoom).reverse();
  return head.join("") + ellipsis + tail.join("");
}

/** {@link shown} between double quotes, for texts that people wrote. */
export function quoted(value: string, max: number): string {
  return `"${shown(value, max)}"`;
}

function escaped(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, escapedUnit);
}

function escapedUnit(unit: string): string {
  return "\\u" + unit.charCodeAt(0).toString(16).padStart(4, "0");
}

function fitting(units: readonly string[], room: number): string[] {
  const taken: string[] = [];
  let left = room;
  for (const unit of units) {
    const piece = escaped(unit);
    left -= piece.length;
    if (left < 0) return taken;
    taken.push(piece);
  }
  return taken;
}

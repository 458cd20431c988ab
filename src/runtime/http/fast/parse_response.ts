/**
 * Parses the one form of response that metadata services send: a complete head, then a body of the
 * stated length. Everything else is left to node:http.
 */

import { bodiless } from "../../../net/http_messages.ts";

export interface ResponseHead {
  readonly status: number;
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Of the body. */
  readonly length: number;
  readonly keepAlive: boolean;
  /** Of the head itself, its empty line included. */
  readonly headBytes: number;
}

/** Longer heads are left to node:http. */
const maxHeadBytes = 16_384;

const form = new RegExp(
  "^HTTP/1\\.1 ([2-5]\\d\\d)(?: [\\t -~\\x80-\\xff]*)?\r\n" +
    "((?:[A-Za-z0-9_-]+: ?(?:[!-~](?:[ -~]*[!-~])?)?\r\n)*)\r\n$",
);

/**
 * Parses the head at the start of `text`, one character per byte. `partial`: its end hasn't arrived
 * yet; undefined: its form isn't supported.
 */
export function parseResponseHead(text: string): ResponseHead | "partial" | undefined {
  const end = text.indexOf("\r\n\r\n");
  if (end < 0) return text.length > maxHeadBytes ? undefined : "partial";
  const match = form.exec(text.slice(0, end + 4));
  if (match === null || end > maxHeadBytes) return undefined;
  const status = Number(match[1]);
  const headers = (match[2] ?? "").split("\r\n").slice(0, -1).map(fieldOf);
  const framing = framingOf(headers);
  if (framing === undefined || bodiless.has(status)) return undefined;
  return { status, headers, ...framing, headBytes: end + 4 };
}

function fieldOf(line: string): readonly [string, string] {
  const colon = line.indexOf(":");
  return [line.slice(0, colon), line.slice(colon + 1).trimStart()];
}

function framingOf(
  headers: ResponseHead["headers"],
): { length: number; keepAlive: boolean } | undefined {
  let length: number | undefined;
  let keepAlive = true;
  for (const [name, value] of headers) {
    const key = name.toLowerCase();
    if (key === "transfer-encoding" || key === "upgrade" || key === "trailer") return undefined;
    if (key === "connection") keepAlive &&= value.toLowerCase() === "keep-alive";
    if (key !== "content-length") continue;
    if (length !== undefined || !/^\d{1,15}$/.test(value)) return undefined;
    length = Number(value);
  }
  return length === undefined ? undefined : { length, keepAlive };
}

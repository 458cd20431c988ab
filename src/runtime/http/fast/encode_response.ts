/** Encodes a `Reply` in one piece, as the bytes that node:http would send for it. */
import { Buffer } from "node:buffer";
import { STATUS_CODES } from "node:http";
import { bodiless, type Reply } from "../../../net/http_messages.ts";
import { contentLength } from "../response_writer.ts";

const fieldName = /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/;
/** Anything else could end the line and begin another. */
const fieldValue = /^[\t\x20-\x7e\x80-\xff]*$/;

interface ReplyForm {
  readonly head: boolean;
  /** Seconds that an idle connection is kept; null where it ends with this answer. */
  readonly keptSeconds: number | null;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/**
 * A character a byte, so that head and body leave with one write; of a source or stream, only the head.
 * @throws {TypeError} for a header that can't be sent
 */
export function encodeResponse(reply: Reply, { head, keptSeconds, now }: ReplyForm): string {
  const { status } = reply;
  const length = contentLength(reply, head);
  let text = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? "unknown"}\r\n`;
  for (const [name, value] of reply.headers) text += `${field(name, value)}\r\n`;
  if (length !== undefined) text += `Content-Length: ${length}\r\n`;
  if (!hasDate(reply.headers)) text += `Date: ${dateAt(now)}\r\n`;
  text += `${connection(keptSeconds)}\r\n\r\n`;
  return head || bodiless.has(status) ? text : text + bodyText(reply.body);
}

/** A reply that is passed on has its own. */
function hasDate(headers: Reply["headers"]): boolean {
  return headers.some(([name]) => name.length === 4 && name.toLowerCase() === "date");
}

function connection(keptSeconds: number | null): string {
  if (keptSeconds === null) return "Connection: close";
  return `Connection: keep-alive\r\nKeep-Alive: timeout=${keptSeconds}`;
}

function field(name: string, value: string): string {
  if (fieldName.test(name) && fieldValue.test(value)) return `${name}: ${value}`;
  throw new TypeError(`header ${JSON.stringify(name)} can't be sent`);
}

function bodyText(body: Reply["body"]): string {
  if (typeof body === "string") return Buffer.from(body).toString("latin1");
  if (!(body instanceof Uint8Array)) return "";
  return Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString("latin1");
}

let dated = { second: -1, text: "" };

/** Made once a second. */
function dateAt(now: number): string {
  const second = Math.floor(now / 1000);
  if (second !== dated.second) dated = { second, text: new Date(second * 1000).toUTCString() };
  return dated.text;
}

/** A listener's own refusals of what its handler never sees: one line of text, then the end. */
import type { Buffer } from "node:buffer";
import type { Socket } from "node:net";
import { backgroundTimer } from "../../time/system_clock.ts";

/** Writes the status once and closes, whether or not the client goes on sending. */
export type SendProtocolError = (socket: Socket, status: number, line?: string) => void;

/** Reason phrases, and what the body says by default. */
const statuses: Readonly<Record<number, readonly [phrase: string, line: string]>> = {
  400: ["Bad Request", "this is not a request of HTTP/1.1"],
  405: ["Method Not Allowed", "this method is not allowed"],
  408: ["Request Timeout", "no whole request arrived in time"],
  431: ["Request Header Fields Too Large", "the request's headers are too large"],
  505: ["HTTP Version Not Supported", "only HTTP/1.0 and HTTP/1.1 are supported"],
};

/** How long the client may take to read the refusal before the socket is destroyed. */
const lingerMs = 1000;

export function protocolErrors(serverHeader: string | undefined): SendProtocolError {
  const server = serverHeader === undefined ? "" : `Server: ${serverHeader}\r\n`;
  return (socket, status, line) => {
    if (socket.writableEnded) return;
    if (socket.destroyed || !socket.writable) return void socket.destroy();
    const [phrase, usual] = statuses[status] ?? statuses[400]!;
    const body = `${line ?? usual}\n`;
    const allow = status === 405 ? "Allow: GET, HEAD\r\n" : "";
    socket.end(
      `HTTP/1.1 ${status} ${phrase}\r\n${server}Content-Type: text/plain\r\n${allow}` +
        `Content-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`,
    );
    socket.once("close", backgroundTimer.after(lingerMs, () => socket.destroy()));
  };
}

/** What both runtimes' parsers say about bytes that they reject; only the code differs. */
export interface ParserError extends Error {
  readonly code?: string;
  readonly rawPacket?: Buffer;
  /** Where in the packet the parser stopped. */
  readonly bytesParsed?: number;
}

export const framingMalformed =
  "the request's framing is malformed: one Content-Length, or Transfer-Encoding: chunked";

const versionUnknown = "the request's HTTP version is malformed or unknown";
const lineEndMissing = "a line of the request doesn't end with CR LF";

const requestLine = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+) +(.*?)(?: +(HTTP\/[0-9.]*))?\r?$/;
const knownMethod = /^(?:CONNECT|DELETE|GET|HEAD|OPTIONS|PATCH|POST|PUT|TRACE)$/;
const targetForm = /^(?:\/|\*$|[a-z][a-z0-9+.-]*:)[!-~]*$/i;

const framingHeader = /^(?:content-length|transfer-encoding)\s*:/i;

/** The one cause of a 400, from the line at which the parser stopped; undefined if it isn't clear. */
export function malformation(
  { code, rawPacket, bytesParsed = 0 }: ParserError,
): string | undefined {
  if (code === "HPE_PAUSED_H2_UPGRADE") return versionUnknown;
  if (rawPacket === undefined) return undefined;
  const text = rawPacket.toString("latin1");
  const start = text.lastIndexOf("\n", Math.max(0, bytesParsed - 1)) + 1;
  const line = lineFrom(text, start);
  if (start === 0) {
    return /^[!-9;-~]*:/.test(line) ? headerMalformation(line) : startMalformation(line);
  }
  const before = lineFrom(text, text.lastIndexOf("\n", start - 2) + 1);
  // The parser may reject a line only once it has ended.
  if (start === bytesParsed && !before.endsWith("\r")) return lineEndMissing;
  if (start === bytesParsed && framingHeader.test(before)) return framingMalformed;
  return before === "\r" ? startMalformation(line) : headerMalformation(line);
}

function lineFrom(text: string, start: number): string {
  const end = text.indexOf("\n", start);
  return end < 0 ? text.slice(start) : text.slice(start, end);
}

function headerMalformation(line: string): string {
  return framingHeader.test(line) ? framingMalformed : "a header line of the request is malformed";
}

function startMalformation(line: string): string | undefined {
  const [, method = "", target = "", version] = requestLine.exec(line) ?? [];
  if (version === undefined && !target.startsWith("/")) return undefined;
  if (version !== undefined && !/^HTTP\/1\.[01]$/.test(version)) {
    return versionUnknown;
  }
  if (!knownMethod.test(method)) return "the request's method is malformed or unknown";
  if (!targetForm.test(target)) return "the request's path is malformed";
  return lineEndMissing;
}

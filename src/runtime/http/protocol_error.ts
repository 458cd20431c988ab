/**
 * The last word to a connection whose bytes never became a request: one line, then the end. It
 * names the server as EC2 does, like every answer of the metadata front.
 */
import type { Socket } from "node:net";

const phrases = new Map([
  [400, "Bad Request"],
  [405, "Method Not Allowed"],
  [408, "Request Timeout"],
  [417, "Expectation Failed"],
  [431, "Request Header Fields Too Large"],
  [505, "HTTP Version Not Supported"],
]);

/** How long the client may take to read the refusal before the socket is destroyed. */
const lingerMs = 1000;

/** Writes the status once and closes, whether or not the client goes on sending. */
export function sendProtocolError(socket: Socket, status: number): void {
  if (socket.writableEnded) return;
  if (socket.destroyed || !socket.writable) return void socket.destroy();
  const phrase = phrases.get(status) ?? "Bad Request";
  const body = `${phrase.toLowerCase()}\n`;
  const allow = status === 405 ? "Allow: GET, HEAD\r\n" : "";
  socket.end(
    `HTTP/1.1 ${status} ${phrase}\r\nServer: EC2ws\r\nContent-Type: text/plain\r\n${allow}` +
      `Content-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`,
  );
  const cut = setTimeout(() => socket.destroy(), lingerMs);
  cut.unref();
  socket.once("close", () => clearTimeout(cut));
}

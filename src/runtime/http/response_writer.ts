/** Writes a handler's reply to a response of node:http. */
import { Buffer } from "node:buffer";
import type { ServerResponse } from "node:http";
import { isNamed } from "./raw_request.ts";
import {
  bodiless,
  type BodySource,
  discard,
  isSource,
  isStream,
  type Reply,
} from "../../net/http_messages.ts";

/** Larger bodies aren't worth the copy that makes head and body one write. */
const oneWriteBytes = 16_384;

/**
 * Adds the framing; for HEAD, Content-Length is that of the body which isn't sent. `last` closes
 * the connection afterwards. A body that fails midway also closes it, so that the client can tell
 * that the reply is incomplete.
 */
export function writeReply(response: ServerResponse, reply: Reply, last: boolean): void {
  const { status, body } = reply;
  const headers = reply.headers.flat();
  const isHead = response.req.method === "HEAD";
  const length = contentLength(reply, isHead);
  if (length !== undefined) headers.push("Content-Length", String(length));
  if (last) headers.push("Connection", "close");
  response.writeHead(status, headers);
  if (body === null || isHead || bodiless.has(status)) {
    discard(reply);
    response.end();
  } else if (isSource(body)) {
    pour(body, response, (whole) => whole ? response.end() : response.destroy());
  } else if (isStream(body)) void pump(response, body);
  else if (typeof body === "string" || body.byteLength > oneWriteBytes) response.end(body);
  else response.end(latin1(body), "latin1");
}

/** One character per byte: as text, the body leaves in one piece with the head. */
function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
}

/** The Content-Length to add; undefined if the reply has one already, or must not have one. */
export function contentLength(reply: Reply, isHead: boolean): number | undefined {
  const { status, headers, body } = reply;
  if (bodiless.has(status) || isStream(body) || (body === null && isHead)) return undefined;
  if (headers.some(([name]) => isNamed(name, "content-length"))) return undefined;
  return typeof body === "string" ? Buffer.byteLength(body) : body?.length ?? 0;
}

/** Where `pour` writes: a socket, or a response of node:http. */
interface Outlet {
  write(bytes: Uint8Array, written: () => void): boolean;
  on(event: "close", listener: () => void): unknown;
  off(event: "close", listener: () => void): unknown;
}

/** Writes all of it; `done(false)` if the source failed or the outlet closed before the end. */
export function pour(source: BodySource, outlet: Outlet, done: (whole: boolean) => void): void {
  const resume = () => source.resume();
  const gone = () => {
    source.cancel();
    finish(false);
  };
  const finish = (whole: boolean) => {
    outlet.off("close", gone);
    done(whole);
  };
  outlet.on("close", gone);
  source.start({
    chunk: (bytes) => void outlet.write(bytes, resume),
    end: () => finish(true),
    fail: () => finish(false),
  });
}

async function pump(response: ServerResponse, body: ReadableStream<Uint8Array>): Promise<void> {
  const reader = body.getReader();
  // The source may fail while nothing is read because the client is slow.
  reader.closed.catch(() => response.destroy());
  response.once("close", () => void reader.cancel().catch(() => {}));
  // Headers go out before the first chunk: a watch may have nothing to send for seconds.
  response.flushHeaders();
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      if (response.destroyed) return;
      if (!response.write(next.value)) await drained(response);
    }
    response.end();
  } catch {
    response.destroy();
  }
}

function drained(response: ServerResponse): Promise<void> {
  if (response.destroyed) return Promise.resolve();
  return new Promise((resolve) => {
    const done = () => {
      response.off("drain", done);
      response.off("close", done);
      resolve();
    };
    response.on("drain", done);
    response.on("close", done);
  });
}

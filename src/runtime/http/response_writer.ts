/**
 * Writes a handler's answer to node:http: a `Reply` with one call, a `Response` as a stream that
 * keeps the client's pace and is cancelled when the client goes.
 */
import { Buffer } from "node:buffer";
import type { ServerResponse } from "node:http";
import { type BodySource, pour } from "./body_source.ts";
import type { Reply } from "../runtime.ts";

const bodiless = new Set([204, 205, 304]);

/** Larger bodies aren't worth the copy that makes head and body one write. */
const oneWriteBytes = 16_384;

/** Content-Length is added; for HEAD it is that of the body which isn't sent. */
export function writeReply(response: ServerResponse, reply: Reply, last: boolean): void {
  const { status, body } = reply;
  const headers = reply.headers.flat();
  if (!bodiless.has(status)) headers.push("Content-Length", String(byteLength(body)));
  if (last) headers.push("Connection", "close");
  response.writeHead(status, headers);
  const silent = body === null || response.req.method === "HEAD";
  if (isSource(body)) return silent ? leave(response, body) : pourOut(response, body);
  if (silent) response.end();
  else if (typeof body === "string" || body.byteLength > oneWriteBytes) response.end(body);
  else response.end(latin1(body), "latin1");
}

function leave(response: ServerResponse, body: BodySource): void {
  body.cancel();
  response.end();
}

function pourOut(response: ServerResponse, body: BodySource): void {
  pour(body, response, (whole) => whole ? response.end() : response.destroy());
}

/** A character a byte: as text, the body leaves in one piece with the head. */
function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
}

function byteLength(body: Reply["body"]): number {
  if (body === null) return 0;
  if (isSource(body)) return body.length;
  return typeof body === "string" ? Buffer.byteLength(body) : body.byteLength;
}

/** Lets an answer go that nobody is there to read. */
export function drop(answer: Reply | Response | null): void {
  if (answer instanceof Response) answer.body?.cancel().catch(() => {});
  else if (answer !== null && isSource(answer.body)) answer.body.cancel();
}

export function isSource(body: Reply["body"]): body is BodySource {
  return typeof body === "object" && body !== null && "start" in body;
}

/**
 * Settles when the whole answer has been handed over or the client has gone. A body that fails
 * midway cuts the connection, so that the client can tell the answer is incomplete.
 */
export async function writeResponse(
  response: ServerResponse,
  answer: Response,
  last: boolean,
): Promise<void> {
  const headers = [...answer.headers].flatMap(([name, value]) => [capitalised(name), value]);
  if (last) headers.push("Connection", "close");
  const silent = response.req.method === "HEAD" || bodiless.has(answer.status);
  if (answer.body === null && !silent && !answer.headers.has("content-length")) {
    headers.push("Content-Length", "0");
  }
  response.writeHead(answer.status, headers);
  if (answer.body === null) return void response.end();
  if (!silent) return await pump(response, answer.body);
  response.end();
  await answer.body.cancel().catch(() => {});
}

/** As services write them, for scripts that look for `Content-Length`; a Response has them lower. */
function capitalised(name: string): string {
  return name.replace(/(?:^|-)[a-z]/g, (start) => start.toUpperCase());
}

async function pump(response: ServerResponse, body: ReadableStream<Uint8Array>): Promise<void> {
  const reader = body.getReader();
  // Nothing is read while the client's pace is kept; a source that fails then is noticed all the same.
  reader.closed.catch(() => response.destroy());
  response.once("close", () => void reader.cancel().catch(() => {}));
  // Headers go out before the first chunk: a feed may have nothing to say for seconds.
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

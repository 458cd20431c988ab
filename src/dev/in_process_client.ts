/**
 * An HTTP client that calls the server's app directly, for an agent in the same process. As on a
 * network, an abort ends the response body on both sides.
 */
import type { HttpClient } from "../runtime/http/types.ts";

/** Answers a request whose peer has this address. */
type AnswerPeer = (request: Request, peer: string) => Response | Promise<Response>;

/** All requests come from `peer` and go to `answer`, whichever host they name. */
export function inProcessClient(answer: AnswerPeer, peer: string): HttpClient {
  const closing = new AbortController();
  return {
    async fetch(url, init = {}) {
      const signal = AbortSignal.any([closing.signal, ...(init.signal ? [init.signal] : [])]);
      signal.throwIfAborted();
      const request = new Request(url, {
        method: init.method ?? "GET",
        headers: headersOf(init.headers ?? {}),
        body: await bodyOf(init.body),
        signal,
      });
      return endedBy(await answer(request, peer), signal);
    },
    close: () => closing.abort(new Error("in-process client: closed")),
  };
}

function headersOf(given: Readonly<Record<string, string | readonly string[]>>): Headers {
  const headers = new Headers();
  for (const [name, value] of Object.entries(given)) {
    for (const one of [value].flat()) headers.append(name, one);
  }
  return headers;
}

async function bodyOf(body: string | Uint8Array | ReadableStream<Uint8Array> | null | undefined) {
  if (body === null || body === undefined || typeof body === "string") return body ?? null;
  return new Uint8Array(await new Response(body as BodyInit).arrayBuffer());
}

/** A response whose body fails for the reader, and is cancelled for the writer, on abort. */
function endedBy(response: Response, signal: AbortSignal): Response {
  if (response.body === null) return response;
  const body = response.body.pipeThrough(new TransformStream(), { signal });
  return new Response(body, { status: response.status, headers: response.headers });
}

/** The fronts' requests and replies as web objects, for web-standard runtimes. */
import type { Context } from "hono";
import {
  bodiless,
  type BodySource,
  type ConnectionEnds,
  type Incoming,
  isSource,
  isStream,
  type Reply,
} from "../../net/http_messages.ts";

/** What a `Request` doesn't have. */
export type WebEnv = { Bindings: Partial<ConnectionEnds> & { readonly peer: string } };

export function incomingOf({ req, env }: Context<WebEnv>): Incoming {
  const { url, method, signal } = req.raw;
  const { host, pathname, search } = new URL(url);
  const { peer, peerPort = 0, local = "", localPort = 0 } = env;
  const headers = new Headers(req.raw.headers);
  if (!headers.has("host")) headers.set("host", host);
  const header = (name: string) => headers.get(name) ?? undefined;
  return {
    method,
    target: pathname + search,
    httpVersion: "1.1",
    peer,
    local,
    connection: { peer, peerPort, local, localPort },
    rawHeaders: [...headers].flat(),
    header,
    headerValues: (name) => [header(name)].filter((value) => value !== undefined),
    signal,
  };
}

export function responseOf({ status, headers, body }: Reply, method: string): Response {
  const sent = isSource(body) ? streamOf(body) : body;
  const silent = method === "HEAD" || bodiless.has(status);
  if (silent && isStream(sent)) void sent.cancel();
  const response = new Response(silent ? null : sent as BodyInit | null, { status });
  response.headers.delete("content-type");
  for (const [name, value] of headers) response.headers.append(name, value);
  return response;
}

function streamOf(body: BodySource): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>({
    start(controller) {
      body.start({
        chunk: (bytes) => controller.enqueue(new Uint8Array(bytes)),
        end: () => controller.close(),
        fail: () => controller.error(new Error("the body ended before its end")),
      });
    },
    pull: () => body.resume(),
    cancel: () => body.cancel(),
  }, new ByteLengthQueuingStrategy({ highWaterMark: 65_536 }));
}

/** Refusals: a status and one line of text for the client. */
import { bodyLimit } from "hono/body-limit";

export interface Refusal {
  readonly kind: "refusal";
  readonly status: 400 | 401 | 403 | 404 | 405 | 409 | 413 | 429 | 503;
  /** One line; nothing secret. */
  readonly message: string;
}

export function refuse(status: Refusal["status"], message: string): Refusal {
  return { kind: "refusal", status, message };
}

/** Middleware that refuses larger bodies, in bytes. */
export function limitBody(maxSize: number): ReturnType<typeof bodyLimit> {
  const onError = () => refusalResponse(refuse(413, `the body is larger than ${maxSize} bytes`));
  return bodyLimit({ maxSize, onError });
}

/** As text/plain; with `Retry-After` if a retry may help. */
export function refusalResponse(refusal: Refusal): Response {
  const headers = new Headers({ "content-type": "text/plain; charset=utf-8" });
  if (refusal.status === 503 || refusal.status === 429) headers.set("retry-after", "1");
  if (refusal.status === 401) headers.set("www-authenticate", "Bearer");
  return new Response(refusal.message + "\n", { status: refusal.status, headers });
}

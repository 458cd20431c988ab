/**
 * A cache of the metadata service's documents that can't change while the instance runs. Callers
 * check first who may read them.
 */
import type { Incoming, Reply } from "../../net/http_messages.ts";
import { imdsVersion } from "./credentials_documents.ts";

const names = [
  "meta-data/(?:ami-id|instance-id|instance-type|local-hostname|mac)",
  "meta-data/placement/(?:availability-zone|availability-zone-id|region)",
  "meta-data/services/(?:domain|partition)",
  "dynamic/instance-identity/(?:document|pkcs7|rsa2048|signature)",
].join("|");
const immutable = new RegExp(`^/${imdsVersion}/(?:${names})$`);

const maxDocuments = 128;
const maxBytes = 16_384;
const negotiated = /^(?:content-encoding|vary)$/i;
const conditional = /^(?:if-|range$)/i;

export class CachedDocuments {
  readonly #replies = new Map<string, Reply>();

  /** Undefined if the document has to be fetched. */
  find(incoming: Incoming, path: string): Reply | undefined {
    return isConditional(incoming) ? undefined : this.#replies.get(path);
  }

  /** Caches the reply if it is whole, small and independent of the request's headers. */
  add(incoming: Incoming, path: string, reply: Reply): void {
    const { status, body } = reply;
    if (status !== 200 || incoming.method !== "GET" || !immutable.test(path)) return;
    if (!(body instanceof Uint8Array) || body.length > maxBytes) return;
    if (isConditional(incoming) || this.#replies.size >= maxDocuments) return;
    // What fits one client's Accept-Encoding need not fit another's.
    if (reply.headers.some(([name]) => negotiated.test(name))) return;
    // The listener adds the current one.
    const headers = reply.headers.filter(([name]) => name.toLowerCase() !== "date");
    // A copy, not a view of the whole buffer that arrived.
    this.#replies.set(path, { status, headers, body: new Uint8Array(body) });
  }
}

function isConditional({ rawHeaders }: Incoming): boolean {
  return rawHeaders.some((text, at) => at % 2 === 0 && conditional.test(text));
}

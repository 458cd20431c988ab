/**
 * Documents of the metadata service that can't change while the instance runs, kept once they have
 * been passed on. Who may read them is decided before.
 */
import type { Incoming, Reply } from "../http/messages.ts";
import { imdsVersion } from "./imds_documents.ts";

const names = [
  "meta-data/(?:ami-id|instance-id|instance-type|local-hostname|mac)",
  "meta-data/placement/(?:availability-zone|availability-zone-id|region)",
  "meta-data/services/(?:domain|partition)",
  "dynamic/instance-identity/(?:document|pkcs7|rsa2048|signature)",
].join("|");
const lasting = new RegExp(`^/${imdsVersion}/(?:${names})$`);

const maxDocuments = 128;
const maxBytes = 16_384;
const negotiated = /^(?:content-encoding|vary)$/i;
const conditional = /^(?:if-|range$)/i;

export class CachedDocuments {
  readonly #kept = new Map<string, Reply>();

  /** The answer given before; undefined where the service has to be asked. */
  find(incoming: Incoming, path: string): Reply | undefined {
    const kept = this.#kept.get(path);
    return kept === undefined || isConditional(incoming) ? undefined : kept;
  }

  /** Keeps what may be kept: whole, not large, and not about some condition of the request. */
  add(incoming: Incoming, path: string, answer: Reply): void {
    const { status, body } = answer;
    if (status !== 200 || incoming.method !== "GET" || !lasting.test(path)) return;
    if (!(body instanceof Uint8Array) || body.length > maxBytes) return;
    if (isConditional(incoming) || this.#kept.size >= maxDocuments) return;
    // What suits one client's Accept-Encoding needn't suit another's.
    if (answer.headers.some(([name]) => negotiated.test(name))) return;
    // A date of its own is the listener's to add: this one gets old.
    const headers = answer.headers.filter(([name]) => name.toLowerCase() !== "date");
    // Its own bytes, not a view of all that had arrived with them.
    this.#kept.set(path, { status, headers, body: new Uint8Array(body) });
  }
}

function isConditional({ rawHeaders }: Incoming): boolean {
  return rawHeaders.some((text, at) => at % 2 === 0 && conditional.test(text));
}

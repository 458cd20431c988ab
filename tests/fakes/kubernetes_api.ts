/**
 * A Kubernetes API by script: each request gets the next response, and tests feed the watches.
 * Responses settle within microtasks, so that one macrotask later everything has been processed.
 */
import { createKubernetesApi } from "../../src/kubernetes/client/api.ts";
import { ManualClock } from "./manual_clock.ts";

/** A request as the fake saw it. */
interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
}

interface FakeInit {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly signal?: AbortSignal;
}

type FakeAnswer = (request: SeenRequest) => Response | Promise<Response>;

/** An HTTP client for the API adapter. A request without a scripted response hangs. */
export class FakeKubernetesApi {
  readonly requests: SeenRequest[] = [];
  readonly #answers: FakeAnswer[] = [];

  answer(...answers: (FakeAnswer | Response | FakeWatch)[]): this {
    for (const one of answers) {
      if (typeof one === "function") this.#answers.push(one);
      else this.#answers.push(() => one instanceof FakeWatch ? one.response() : one);
    }
    return this;
  }

  fetch(url: string, init: FakeInit = {}): Promise<Response> {
    const { pathname, searchParams } = new URL(url);
    const { method = "GET", headers = {}, body = null } = init;
    const request = { method, path: pathname, query: searchParams, headers, body };
    this.requests.push(request);
    const answer = this.#answers.shift();
    if (answer) return Promise.resolve(answer(request));
    return new Promise((_, reject) => {
      init.signal?.addEventListener("abort", () => reject(init.signal?.reason), { once: true });
    });
  }

  close(): void {}

  /** The requests as `METHOD path?query`. */
  trace(): string[] {
    return this.requests.map(({ method, path, query }) => {
      const text = query.size > 0 ? `?${query}` : "";
      return `${method} ${path}${text}`;
    });
  }
}

/** The parts of a Response that the adapter uses. */
function responseOf(text: string, status: number, headers: Record<string, string>): Response {
  const plain = {
    status,
    ok: status >= 200 && status < 300,
    headers: new Headers(headers),
    body: null,
    text: () => Promise.resolve(text),
    json: () => Promise.resolve(text).then(JSON.parse),
  };
  return plain as unknown as Response;
}

export function json(value: unknown, status = 200, headers: Record<string, string> = {}): Response {
  return responseOf(JSON.stringify(value), status, headers);
}

/** A refusal in kube-apiserver's form. */
export function refusal(status: number, message: string, headers: Record<string, string> = {}) {
  return json({ kind: "Status", status: "Failure", message, code: status }, status, headers);
}

export function listOf(resourceVersion: string, items: unknown[], next?: string): Response {
  const metadata = next === undefined ? { resourceVersion } : { resourceVersion, continue: next };
  return json({ kind: "List", metadata, items });
}

/** An open watch; its bytes arrive in chunks of the given size, whole lines by default. */
export class FakeWatch {
  readonly #chunkBytes: number;
  readonly #chunks: (() => Promise<{ done: boolean; value?: Uint8Array }>)[] = [];
  #waiting: (() => void) | null = null;
  /** The reader has cancelled. */
  cancelled = false;

  constructor(chunkBytes = Infinity) {
    this.#chunkBytes = chunkBytes;
  }

  response(): Response {
    const cancel = () => {
      this.cancelled = true;
      this.#add(() => Promise.resolve({ done: true }));
      return Promise.resolve();
    };
    const body = { getReader: () => ({ read: () => this.#read(), cancel }) };
    return { ...responseOf("", 200, {}), body } as unknown as Response;
  }

  event(type: string, object: unknown): this {
    return this.bytes(JSON.stringify({ type, object }) + "\n");
  }

  bytes(text: string): this {
    const all = new TextEncoder().encode(text);
    const size = Math.min(this.#chunkBytes, all.length);
    for (let at = 0; at < all.length; at += size) {
      const value = all.subarray(at, at + size);
      this.#add(() => Promise.resolve({ done: false, value }));
    }
    return this;
  }

  end(): void {
    this.#add(() => Promise.resolve({ done: true }));
  }

  fail(message: string): void {
    this.#add(() => Promise.reject(new Error(message)));
  }

  #add(chunk: () => Promise<{ done: boolean; value?: Uint8Array }>): void {
    this.#chunks.push(chunk);
    this.#waiting?.();
  }

  async #read(): Promise<{ done: boolean; value?: Uint8Array }> {
    if (this.#chunks.length === 0) await new Promise<void>((ready) => this.#waiting = ready);
    return await this.#chunks.shift()!();
  }
}

/** The API adapter over a scripted API; `body(n)` is the JSON of the nth request's body. */
export function openFakeApi(headers: Readonly<Record<string, string>> = {}) {
  const fake = new FakeKubernetesApi();
  const clock = new ManualClock();
  const access = () => Promise.resolve({ tls: {}, headers });
  const connection = { server: "https://api", namespace: null, access };
  const httpClient = () => fake;
  const api = createKubernetesApi({ connection, httpClient, clock, userAgent: "rolecall/test" });
  const body = (index: number) => JSON.parse(fake.requests[index]?.body ?? "null");
  return { fake, clock, api, body };
}

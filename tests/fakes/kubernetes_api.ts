/** A Kubernetes API by script: each request gets the next answer; watches are fed by the test. */

/** A request as the fake saw it. */
export interface SeenRequest {
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

export type FakeAnswer = (request: SeenRequest) => Response | Promise<Response>;

/** Fits the HTTP client that the API adapter takes. A request without a scripted answer hangs. */
export class FakeKubernetesApi {
  readonly requests: SeenRequest[] = [];
  readonly #answers: FakeAnswer[] = [];

  answer(...answers: (FakeAnswer | Response | FakeWatch)[]): this {
    for (const one of answers) {
      if (one instanceof FakeWatch) this.#answers.push(() => one.response());
      else this.#answers.push(one instanceof Response ? () => one : one);
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

  /** The requests as `METHOD path?query`, short enough to compare. */
  trace(): string[] {
    return this.requests.map(({ method, path, query }) => {
      const text = query.size > 0 ? `?${query}` : "";
      return `${method} ${path}${text}`;
    });
  }
}

export function json(value: unknown, status = 200, headers: Record<string, string> = {}): Response {
  return new Response(JSON.stringify(value), { status, headers });
}

/** An API refusal, as kube-apiserver words it. */
export function refusal(status: number, message: string, headers: Record<string, string> = {}) {
  return json({ kind: "Status", status: "Failure", message, code: status }, status, headers);
}

export function listOf(resourceVersion: string, items: unknown[], next?: string): Response {
  const metadata = next === undefined ? { resourceVersion } : { resourceVersion, continue: next };
  return json({ kind: "List", metadata, items });
}

/** A watch under way; its bytes arrive in chunks of the given size, whole lines by default. */
export class FakeWatch {
  readonly #chunkBytes: number;
  readonly #body: ReadableStream<Uint8Array>;
  #controller!: ReadableStreamDefaultController<Uint8Array>;
  /** The reader has gone away. */
  cancelled = false;

  constructor(chunkBytes = Infinity) {
    this.#chunkBytes = chunkBytes;
    this.#body = new ReadableStream({
      start: (controller) => void (this.#controller = controller),
      cancel: () => void (this.cancelled = true),
    });
  }

  response(): Response {
    return new Response(this.#body, { status: 200 });
  }

  event(type: string, object: unknown): this {
    return this.bytes(JSON.stringify({ type, object }) + "\n");
  }

  bytes(text: string): this {
    const all = new TextEncoder().encode(text);
    const size = Math.min(this.#chunkBytes, all.length);
    for (let at = 0; at < all.length; at += size) {
      this.#controller.enqueue(all.subarray(at, at + size));
    }
    return this;
  }

  end(): void {
    this.#controller.close();
  }

  fail(message: string): void {
    this.#controller.error(new Error(message));
  }
}

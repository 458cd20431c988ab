/**
 * The real metadata service of the node, asked with a session token of our own. What may be asked,
 * and for whom, is the caller's decision.
 */
import { type DeadlineOptions, withDeadline } from "../time/deadline.ts";

/** What the client needs of HTTP: nothing followed, decoded or added. */
export interface ImdsHttp {
  fetch(url: string, init: {
    method: string;
    headers: Readonly<Record<string, string>>;
    signal: AbortSignal;
  }): Promise<Response>;
}

/** An answer with its body at hand or on its way, as `FastGet` gives it. */
export interface UpstreamResponse {
  readonly status: number;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Uint8Array | PlainBody;
}

export interface PlainBody {
  readonly length: number;
  start(sink: { chunk(bytes: Uint8Array): void; end(): void; fail(): void }): void;
  resume(): void;
  cancel(): void;
}

/** The quick way of a GET; undefined where it can't be taken, and `ImdsHttp` has to ask. */
export type FastGet = (
  path: string,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
  timeoutMs: number,
) => Promise<UpstreamResponse | undefined>;

export interface ImdsOptions {
  /** Such as `http://169.254.169.254`. */
  readonly baseUrl: string;
  readonly http: ImdsHttp;
  /** Of the same origin as `baseUrl`; only used where that has no path. */
  readonly fastGet?: FastGet | null;
  readonly clock: { now(): number; after(ms: number, run: () => void): () => void };
  /** From a request's start to its answer's headers, in milliseconds. */
  readonly timeoutMs?: number;
}

export interface ImdsRequest {
  readonly method: string;
  /** Canonical, beginning with a slash. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

/** The service can't be used just now; trying again can help. */
export class ImdsFault extends Error {
  override readonly name = "ImdsFault";
  /** `imds_timeout`: no answer in time; `imds_token`: it gives no token, or takes none it gave. */
  readonly code: "imds_timeout" | "imds_token";

  constructor(code: ImdsFault["code"], message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

interface Session {
  /** Undefined where the service has no tokens. */
  readonly token: string | undefined;
  readonly renewAt: number;
}

const ttlSeconds = 21_600;
/** A service without tokens may get them, when the instance's options are changed. */
const askAgainMs = 60_000;

/**
 * Requests with a token that is renewed ahead of its end. A 401 gets one more try with a new token;
 * a service that knows no tokens (403, 404, 405 to the PUT) is asked without. The answer's body
 * is a stream; `signal` ends request and body.
 * @throws {ImdsFault}, or the connection's own error.
 */
export function createImds(
  deps: ImdsOptions,
): (request: ImdsRequest) => Promise<Response | UpstreamResponse> {
  const imds = new Imds(deps);
  return (request) => imds.ask(request);
}

class Imds {
  readonly #deps: ImdsOptions;
  readonly #timeoutMs: number;
  readonly #base: string;
  readonly #isOrigin: boolean;
  #session: Session | undefined;
  #opening: Promise<Session> | undefined;

  constructor(deps: ImdsOptions) {
    this.#deps = deps;
    this.#timeoutMs = deps.timeoutMs ?? 5000;
    this.#base = deps.baseUrl.replace(/\/+$/, "");
    this.#isOrigin = /^http:\/\/[^/]+$/.test(this.#base);
  }

  async ask(request: ImdsRequest): Promise<Response | UpstreamResponse> {
    const session = await this.#current();
    const answer = await this.#send(request, session);
    if (answer.status !== 401) return answer;
    await leave(answer);
    if (this.#session === session) this.#session = undefined;
    const again = await this.#send(request, await this.#current());
    if (again.status !== 401) return again;
    await leave(again);
    throw new ImdsFault("imds_token", "metadata service: refuses the token it has just given");
  }

  /** One request for a token serves all who wait, and no one of them leaving ends it. */
  #current(): Promise<Session> {
    const session = this.#session;
    if (session !== undefined && this.#deps.clock.now() < session.renewAt) {
      return Promise.resolve(session);
    }
    this.#opening ??= this.#open().finally(() => this.#opening = undefined);
    return this.#opening;
  }

  async #open(): Promise<Session> {
    const { status, text } = await this.#requestToken();
    const now = this.#deps.clock.now();
    if (status === 200 && text !== "") {
      return this.#session = { token: text, renewAt: now + ttlSeconds * 800 };
    }
    if (![403, 404, 405].includes(status)) {
      throw new ImdsFault("imds_token", `metadata service: PUT token answered ${status}`);
    }
    return this.#session = { token: undefined, renewAt: now + askAgainMs };
  }

  /** The deadline spans the body: a token that never ends would hold up every request. */
  async #requestToken(): Promise<{ status: number; text: string }> {
    const headers = { "X-aws-ec2-metadata-token-ttl-seconds": String(ttlSeconds) };
    return await withDeadline(this.#deadline(), async (signal) => {
      const init = { method: "PUT", headers, signal };
      const answer = await this.#deps.http.fetch(`${this.#base}/latest/api/token`, init);
      return { status: answer.status, text: (await answer.text()).trim() };
    });
  }

  async #send(request: ImdsRequest, { token }: Session): Promise<Response | UpstreamResponse> {
    const own: Record<string, string> = token === undefined
      ? {}
      : { "X-aws-ec2-metadata-token": token };
    const { method, path, signal } = request;
    const headers = { ...request.headers, ...own };
    const plain = method === "GET" ? await this.#plain(path, headers, signal) : undefined;
    if (plain !== undefined) return plain;
    return await withDeadline(
      this.#deadline(signal),
      (signal) => this.#deps.http.fetch(this.#base + path, { method, headers, signal }),
    );
  }

  async #plain(
    path: string,
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<UpstreamResponse | undefined> {
    const { fastGet } = this.#deps;
    if (!fastGet || !this.#isOrigin) return undefined;
    try {
      return await fastGet(path, headers, signal, this.#timeoutMs);
    } catch (error) {
      if ((error as { code?: unknown } | null)?.code !== "answer_timeout") throw error;
      throw this.#timeout();
    }
  }

  #deadline(signal?: AbortSignal): DeadlineOptions {
    return { clock: this.#deps.clock, ms: this.#timeoutMs, signal, fault: () => this.#timeout() };
  }

  #timeout(): ImdsFault {
    return new ImdsFault("imds_timeout", `metadata service: silent for ${this.#timeoutMs} ms`);
  }
}

async function leave(answer: Response | UpstreamResponse): Promise<void> {
  if (answer instanceof Response) await answer.body?.cancel();
  else if (!(answer.body instanceof Uint8Array)) answer.body.cancel();
}

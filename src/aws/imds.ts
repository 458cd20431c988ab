/** Client of the node's real metadata service, with a session token of its own. */
import { codeOf } from "../telemetry/fault.ts";
import { discard, type Reply, replyOf } from "../net/http_messages.ts";
import type { FastGet, HttpClient } from "../runtime/http/types.ts";
import type { Clock } from "../time/clock.ts";
import { type DeadlineOptions, withDeadline } from "../time/deadline.ts";

export interface ImdsOptions {
  /** Such as `http://169.254.169.254`. */
  readonly baseUrl: string;
  /** Follows, decodes and adds nothing. */
  readonly http: Pick<HttpClient, "fetch">;
  /** Of the same origin as `baseUrl`; only used if that has no path. */
  readonly fastGet?: FastGet | undefined;
  readonly clock: Pick<Clock, "now" | "after">;
  /** From a request's start to its answer's headers, in milliseconds. */
  readonly timeoutMs?: number;
}

interface ImdsRequest {
  readonly method: string;
  /** Canonical, beginning with a slash. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

/** The service can't be used now; retrying can help. */
class ImdsFault extends Error {
  override readonly name = "ImdsFault";
  /** `imds_timeout`: no answer in time; `imds_token`: no token, or one that it then refuses. */
  readonly code: "imds_timeout" | "imds_token";

  constructor(code: ImdsFault["code"], message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

interface Session {
  /** Undefined if the service has no tokens. */
  readonly token: string | undefined;
  readonly renewAt: number;
}

const ttlSeconds = 21_600;
/** Tokens may be enabled later, in the instance's metadata options. */
const retryTokenMs = 60_000;

/**
 * Requests with a token that is renewed before it expires. After a 401 it tries once more with a new
 * token; a service without tokens (403, 404, 405 to the PUT) gets requests without one. `signal` ends request and body.
 * @throws {ImdsFault}, or the connection's own error.
 */
export function createImds(options: ImdsOptions): (request: ImdsRequest) => Promise<Reply> {
  const imds = new Imds(options);
  return (request) => imds.send(request);
}

class Imds {
  readonly #options: ImdsOptions;
  readonly #timeoutMs: number;
  readonly #base: string;
  readonly #isOrigin: boolean;
  #session: Session | undefined;
  #opening: Promise<Session> | undefined;

  constructor(options: ImdsOptions) {
    this.#options = options;
    this.#timeoutMs = options.timeoutMs ?? 5000;
    this.#base = options.baseUrl.replace(/\/+$/, "");
    this.#isOrigin = /^http:\/\/[^/]+$/.test(this.#base);
  }

  async send(request: ImdsRequest): Promise<Reply> {
    const session = await this.#current();
    const answer = await this.#send(request, session);
    if (answer.status !== 401) return answer;
    discard(answer);
    if (this.#session === session) this.#session = undefined;
    const again = await this.#send(request, await this.#current());
    if (again.status !== 401) return again;
    discard(again);
    throw new ImdsFault("imds_token", "metadata service: refuses the token it has just given");
  }

  /** One request for a token serves all that wait, and goes on if one of them is aborted. */
  #current(): Promise<Session> {
    const session = this.#session;
    if (session !== undefined && this.#options.clock.now() < session.renewAt) {
      return Promise.resolve(session);
    }
    this.#opening ??= this.#open().finally(() => this.#opening = undefined);
    return this.#opening;
  }

  async #open(): Promise<Session> {
    const { status, text } = await this.#requestToken();
    const now = this.#options.clock.now();
    if (status === 200 && text !== "") {
      return this.#session = { token: text, renewAt: now + ttlSeconds * 800 };
    }
    if (![403, 404, 405].includes(status)) {
      throw new ImdsFault("imds_token", `metadata service: PUT token answered ${status}`);
    }
    return this.#session = { token: undefined, renewAt: now + retryTokenMs };
  }

  /** The deadline spans the body: a token that never ends would hold up every request. */
  async #requestToken(): Promise<{ status: number; text: string }> {
    const headers = { "X-aws-ec2-metadata-token-ttl-seconds": String(ttlSeconds) };
    return await withDeadline(this.#deadline(), async (signal) => {
      const init = { method: "PUT", headers, signal };
      const answer = await this.#options.http.fetch(`${this.#base}/latest/api/token`, init);
      return { status: answer.status, text: (await answer.text()).trim() };
    });
  }

  async #send(request: ImdsRequest, { token }: Session): Promise<Reply> {
    const own: Record<string, string> = token === undefined
      ? {}
      : { "X-aws-ec2-metadata-token": token };
    const { method, path, signal } = request;
    const headers = { ...request.headers, ...own };
    const plain = method === "GET" ? await this.#plain(path, headers, signal) : undefined;
    if (plain !== undefined) return plain;
    const answer = await withDeadline(
      this.#deadline(signal),
      (signal) => this.#options.http.fetch(this.#base + path, { method, headers, signal }),
    );
    return replyOf(answer);
  }

  async #plain(
    path: string,
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<Reply | undefined> {
    const { fastGet } = this.#options;
    if (fastGet === undefined || !this.#isOrigin) return undefined;
    try {
      return await fastGet(path, headers, signal, this.#timeoutMs);
    } catch (fault) {
      if (codeOf(fault) !== "answer_timeout") throw fault;
      throw this.#timeout();
    }
  }

  #deadline(signal?: AbortSignal): DeadlineOptions {
    return {
      clock: this.#options.clock,
      ms: this.#timeoutMs,
      signal,
      fault: () => this.#timeout(),
    };
  }

  #timeout(): ImdsFault {
    return new ImdsFault("imds_timeout", `metadata service: silent for ${this.#timeoutMs} ms`);
  }
}

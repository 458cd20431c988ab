/**
 * Requests to the Kubernetes API over kept-alive connections: address, credentials that rotate, and
 * faults with a code. What is asked for, and when to try again, is the callers' business.
 */
import { ApiFault, codeOfStatus, messageOf, oneLine, retryAfterMs } from "./api_fault.ts";
import type { Access, Connection } from "./connection.ts";
import { withDeadline } from "../../time/deadline.ts";
import type { Clock } from "../ports.ts";

export interface ApiCall {
  /** What is tried, for messages: a verb and a resource, such as `list pods`. */
  readonly action: string;
  readonly method?: string;
  /** Path and query. */
  readonly path: string;
  readonly body?: unknown;
  readonly contentType?: string;
  readonly signal?: AbortSignal;
}

export interface KubernetesApi {
  /** The namespace of the connection's settings, or null. */
  readonly namespace: string | null;
  /**
   * An answer of the 2xx kind, its body unread.
   * @throws {ApiFault} anything else
   */
  open(call: ApiCall): Promise<Response>;
  /**
   * The answer's JSON, within 10 s.
   * @throws {ApiFault} another status, no answer in time, or no JSON
   */
  json(call: ApiCall): Promise<unknown>;
  close(): void;
}

/** The part of the runtime's HTTP client that is used here. */
export interface HttpClient {
  fetch(url: string, init?: {
    readonly method?: string;
    readonly headers?: Access["headers"];
    readonly body?: string;
    readonly signal?: AbortSignal;
  }): Promise<Response>;
  close(): void;
}

export interface ApiOptions {
  readonly connection: Connection;
  httpClient(options: Access["tls"] & Pick<Connection, "proxyFor">): HttpClient;
  readonly clock: Clock;
  /** Sent as User-Agent, so that audit logs tell who asked. */
  readonly userAgent: string;
}

const CALL_MS = 10_000;

export function createKubernetesApi(deps: ApiOptions): KubernetesApi {
  const clients = new ClientForTls(deps);

  async function once(call: ApiCall, refresh: boolean): Promise<Response> {
    const access = await deps.connection.access(refresh);
    const headers = { ...requestHeaders(deps, call), ...access.headers };
    return await clients.for(access.tls).fetch(deps.connection.server + call.path, {
      method: call.method ?? "GET",
      headers,
      ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
      ...(call.signal ? { signal: call.signal } : {}),
    });
  }

  async function open(call: ApiCall): Promise<Response> {
    let response = await reach(call, () => once(call, false));
    if (response.status === 401) {
      await discard(response);
      // The token may have been rotated within the minute for which it is held.
      response = await reach(call, () => once(call, true));
    }
    if (!response.ok) throw await refusal(call, response);
    return response;
  }

  async function json(call: ApiCall): Promise<unknown> {
    const deadline = { clock: deps.clock, ms: CALL_MS, signal: call.signal };
    return await reach(call, async () => {
      // Signing in may take a person longer than the API may take to answer.
      await deps.connection.access(false);
      return await withDeadline(deadline, async (signal) => {
        return await (await open({ ...call, signal })).json();
      });
    });
  }

  return { namespace: deps.connection.namespace, open, json, close: () => clients.close() };
}

/** One client as long as the TLS material stays the same; another once it changes. */
class ClientForTls {
  readonly #deps: ApiOptions;
  #tls = "";
  #client: HttpClient | null = null;

  constructor(deps: ApiOptions) {
    this.#deps = deps;
  }

  for(tls: Access["tls"]): HttpClient {
    const text = JSON.stringify(tls);
    if (this.#client && text === this.#tls) return this.#client;
    this.#client?.close();
    this.#tls = text;
    const { proxyFor } = this.#deps.connection;
    this.#client = this.#deps.httpClient(proxyFor ? { ...tls, proxyFor } : tls);
    return this.#client;
  }

  close(): void {
    this.#client?.close();
    this.#client = null;
  }
}

function requestHeaders(deps: ApiOptions, call: ApiCall): Record<string, string> {
  return {
    Accept: "application/json",
    "User-Agent": deps.userAgent,
    ...(call.body === undefined ? {} : { "Content-Type": call.contentType ?? "application/json" }),
  };
}

async function reach<T>(call: ApiCall, attempt: () => Promise<T>): Promise<T> {
  try {
    return await attempt();
  } catch (cause) {
    if (cause instanceof ApiFault) throw cause;
    const message = `kubernetes: cannot ${call.action}: ${messageOf(cause)}`;
    throw new ApiFault(message, { code: "api_unreachable", status: null, cause });
  }
}

async function refusal(call: ApiCall, response: Response): Promise<ApiFault> {
  const { status } = response;
  const said = await response.text().catch(() => "");
  return new ApiFault(`kubernetes: cannot ${call.action}: ${status} ${statusMessage(said)}`, {
    code: codeOfStatus(status),
    status,
    retryAfterMs: retryAfterMs(response.headers.get("retry-after")),
  });
}

/** The `message` of a Status object, or the body's beginning where something else answered. */
function statusMessage(body: string): string {
  try {
    const { message } = JSON.parse(body) as { message?: unknown };
    return oneLine(typeof message === "string" ? message : "");
  } catch {
    return oneLine(body);
  }
}

async function discard(response: Response): Promise<void> {
  await response.body?.cancel().catch(() => undefined);
}

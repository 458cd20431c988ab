/**
 * Requests to the Kubernetes API over kept-alive connections, with credentials that rotate and with
 * faults that have a code. Callers decide what to request and when to retry.
 */
import type { HttpClient, HttpClientOptions } from "../../runtime/http/types.ts";
import type { Clock } from "../../time/clock.ts";
import { withDeadline } from "../../time/deadline.ts";
import {
  ApiFault,
  codeOfStatus,
  messageWithCause,
  networkProblem,
  retryAfterMs,
} from "./api_fault.ts";
import type { Access, Connection } from "./connection.ts";
import { oneLine } from "../../telemetry/fault.ts";

interface ApiCall {
  /** Verb and resource for messages, such as `list pods`. */
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
   * A 2xx response, its body unread.
   * @throws {ApiFault} any other response, or none
   */
  open(call: ApiCall): Promise<Response>;
  /**
   * The response's JSON, within 10 s.
   * @throws {ApiFault} another status, no response in time, or no JSON
   */
  json(call: ApiCall): Promise<unknown>;
  close(): void;
}

export interface ApiOptions {
  readonly connection: Connection;
  httpClient(options: HttpClientOptions): HttpClient;
  readonly clock: Clock;
  /** The User-Agent, which audit logs show. */
  readonly userAgent: string;
}

const callTimeoutMs = 10_000;

export function createKubernetesApi(options: ApiOptions): KubernetesApi {
  const { connection, clock } = options;
  const clients = new ClientForTls(options);

  async function attempt(call: ApiCall, refresh: boolean): Promise<Response> {
    const access = await connection.access(refresh);
    return await clients.for(access.tls).fetch(connection.server + call.path, {
      method: call.method ?? "GET",
      headers: { ...requestHeaders(options, call), ...access.headers },
      ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
      ...(call.signal ? { signal: call.signal } : {}),
    });
  }

  async function open(call: ApiCall): Promise<Response> {
    let response = await reach(connection, call, () => attempt(call, false));
    if (response.status === 401) {
      await discard(response);
      // The token may have been rotated within the minute for which it is cached.
      response = await reach(connection, call, () => attempt(call, true));
    }
    if (!response.ok) throw await refusal(call, response);
    return response;
  }

  async function json(call: ApiCall): Promise<unknown> {
    const deadline = { clock, ms: callTimeoutMs, signal: call.signal };
    return await reach(connection, call, async () => {
      // Signing in may take a person longer than the API may take to respond.
      await connection.access(false);
      return await withDeadline(deadline, async (signal) => {
        return await jsonOf(await open({ ...call, signal }));
      });
    });
  }

  return { namespace: connection.namespace, open, json, close: () => clients.close() };
}

/** Converts anything but an ApiFault into `api_unreachable`. */
async function reach<T>(
  { server, proxyFor }: Connection,
  { action }: ApiCall,
  attempt: () => Promise<T>,
): Promise<T> {
  try {
    return await attempt();
  } catch (fault) {
    if (fault instanceof ApiFault) throw fault;
    const why = networkProblem(server, proxyFor?.(server) ?? null, fault) ??
      messageWithCause(fault);
    const message = `kubernetes: cannot ${action}: ${why}`;
    throw new ApiFault(message, { code: "api_unreachable", status: null, cause: fault });
  }
}

/** One client while the TLS material stays the same, a new one when it changes. */
class ClientForTls {
  readonly #options: ApiOptions;
  #tls = "";
  #client: HttpClient | null = null;

  constructor(options: ApiOptions) {
    this.#options = options;
  }

  for(tls: Access["tls"]): HttpClient {
    const text = JSON.stringify(tls);
    if (this.#client && text === this.#tls) return this.#client;
    const { httpClient, connection: { proxyFor } } = this.#options;
    this.#client?.close();
    this.#tls = text;
    this.#client = httpClient(proxyFor ? { ...tls, proxyFor } : tls);
    return this.#client;
  }

  close(): void {
    this.#client?.close();
    this.#client = null;
  }
}

function requestHeaders({ userAgent }: ApiOptions, call: ApiCall): Record<string, string> {
  return {
    Accept: "application/json",
    "User-Agent": userAgent,
    ...(call.body === undefined ? {} : { "Content-Type": call.contentType ?? "application/json" }),
  };
}

async function jsonOf(response: Response): Promise<unknown> {
  const text = await response.text();
  try {
    return JSON.parse(text);
  } catch {
    throw new Error("the response isn't JSON; is the address that of an API server?");
  }
}

async function refusal(call: ApiCall, response: Response): Promise<ApiFault> {
  const { status } = response;
  const body = await response.text().catch(() => "");
  return new ApiFault(`kubernetes: cannot ${call.action}: ${status} ${statusMessage(body)}`, {
    code: codeOfStatus(status),
    status,
    retryAfterMs: retryAfterMs(response.headers.get("retry-after")),
  });
}

/** The `message` of a Status object, or the start of a body that something else sent. */
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

/** Reads the status listener of a running server, reached by URL or through `kubectl port-forward`. */
import * as v from "valibot";
import { whileWaiting } from "../cli/waiting.ts";
import type { HttpClient } from "../runtime/http/types.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { withDeadline } from "../time/deadline.ts";
import { systemClock } from "../time/system_clock.ts";
import { openPortForward } from "./port_forward.ts";
import { StatusFault } from "./status_fault.ts";

/** Where a server's status listener is by default, that of `dev` and behind a port-forward. */
const usualUrl = "http://127.0.0.1:9622";
const patienceMs = 15_000;

export interface StatusTarget {
  /** Null: the usual address, then a port-forward. */
  readonly url: string | null;
  /** Of the kubeconfig; null is the current one. */
  readonly context: string | null;
  readonly namespace: string;
}

export interface StatusClient {
  /** How messages name the server. */
  readonly label: string;
  /** Null for 404. @throws {StatusFault} */
  json<T>(path: string, schema: v.GenericSchema<unknown, T>): Promise<T | null>;
}

export type StatusRuntime = Pick<
  Runtime,
  "env" | "follow" | "httpClient" | "isTerminal" | "writeError"
>;

/** Runs `use` with a client of a server that answers. @throws {StatusFault} none does */
export async function withStatusClient<T>(
  runtime: StatusRuntime,
  { url, context, namespace }: StatusTarget,
  use: (client: StatusClient) => Promise<T>,
): Promise<T> {
  const http = runtime.httpClient();
  const at = (base: string, label = base) => use(new HttpStatusClient(runtime, http, base, label));
  try {
    if (url !== null) return await at(url);
    if (context === null && await answers(http)) return await at(usualUrl);
    const forward = await openPortForward(runtime, { context, namespace });
    try {
      return await at(forward.url, `deploy/rolecall-server in namespace ${namespace}`);
    } finally {
      await forward.close();
    }
  } finally {
    http.close();
  }
}

/** Whether anything listens at the usual address. */
async function answers(http: HttpClient): Promise<boolean> {
  const asking = withDeadline({ clock: systemClock, ms: 1_000 }, async (signal) => {
    const answer = await http.fetch(usualUrl + "/", { method: "HEAD", signal });
    await answer.body?.cancel();
  });
  return await asking.then(() => true, () => false);
}

class HttpStatusClient implements StatusClient {
  readonly label: string;
  readonly #runtime: StatusRuntime;
  readonly #http: HttpClient;
  readonly #url: string;

  constructor(runtime: StatusRuntime, http: HttpClient, url: string, label: string) {
    this.#runtime = runtime;
    this.#http = http;
    this.#url = url;
    this.label = label;
  }

  async json<T>(path: string, schema: v.GenericSchema<unknown, T>): Promise<T | null> {
    const { status, body } = await this.#get(path);
    if (status === 404 && body.startsWith("no such pod")) return null;
    if (status !== 200) {
      throw new StatusFault("refused", `${this.label}: ${status} ${body.trim().slice(0, 200)}`);
    }
    const read = v.safeParse(schema, parsed(body));
    if (read.success) return read.output;
    throw new StatusFault("refused", `${this.label}: not the status listener of a Rolecall server`);
  }

  async #get(path: string): Promise<{ readonly status: number; readonly body: string }> {
    const headers = { accept: "application/json" };
    const asking = withDeadline({ clock: systemClock, ms: patienceMs }, async (signal) => {
      const answer = await this.#http.fetch(this.#url + path, { headers, signal });
      return { status: answer.status, body: await answer.text() };
    });
    try {
      return await whileWaiting(this.#runtime, systemClock, `asking ${this.label}`, asking);
    } catch (cause) {
      const said = cause instanceof Error ? cause.message : String(cause);
      const message = `${this.label}: no server answers (${said}); ` +
        "try: kubectl port-forward -n rolecall deploy/rolecall-server 9622";
      throw new StatusFault("unreachable", message, { cause });
    }
  }
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

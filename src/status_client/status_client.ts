/** Reads the status listener of a running server, reached by URL or through `kubectl port-forward`. */
import * as v from "valibot";
import { codeOf, messageOf, oneLine } from "../telemetry/fault.ts";
import { whileWaiting } from "../cli/waiting.ts";
import { parsedJson } from "../net/json.ts";
import type { HttpClient } from "../runtime/http/types.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { withDeadline } from "../time/deadline.ts";
import { systemClock } from "../time/system_clock.ts";
import { createToken, openPortForward, statusPort } from "./kubectl.ts";
import { StatusFault } from "./status_fault.ts";

/** Where a server's status listener is by default, that of `dev` and behind a port-forward. */
const usualUrl = `http://127.0.0.1:${statusPort}`;
const patienceMs = 15_000;

export interface StatusTarget {
  /** Null: the usual address, then a port-forward. */
  readonly url: string | null;
  /** Null: none is sent until the server requires one, then kubectl creates it. */
  readonly tokenFile: string | null;
  /** Of the kubeconfig; null is the current one. */
  readonly context: string | null;
  readonly namespace: string;
}

export interface StatusClient {
  /** How messages name the server. */
  readonly label: string;
  /** Null for 404. @throws {StatusFault} */
  json<T>(path: string, schema: v.GenericSchema<unknown, T>): Promise<T | null>;
  /** What all servers and agents report. @throws {StatusFault} */
  summary<T>(schema: v.GenericSchema<unknown, T>): Promise<T>;
  /** @throws {StatusFault} */
  post<T>(path: string, body: unknown, schema: v.GenericSchema<unknown, T>): Promise<T>;
}

type StatusRuntime = Pick<
  Runtime,
  | "env"
  | "follow"
  | "httpClient"
  | "isTerminal"
  | "readStdin"
  | "readTextFile"
  | "run"
  | "writeError"
>;

/** Runs `use` with a client of a server that answers. @throws {StatusFault} none does */
export async function withStatusClient<T>(
  runtime: StatusRuntime,
  target: StatusTarget,
  use: (client: StatusClient) => Promise<T>,
): Promise<T> {
  const { url, context, namespace } = target;
  const token = await tokenOf(runtime, target);
  const http = runtime.httpClient();
  const at = (base: string, label = base) => {
    return use(new HttpStatusClient({ runtime, http, target, url: base, label, token }));
  };
  try {
    if (url !== null) return await at(url);
    if (context === null && await answers(http)) return await at(usualUrl);
    const forward = await openPortForward(runtime, target);
    try {
      return await at(forward.url, `deploy/rolecall-server in namespace ${namespace}`);
    } finally {
      await forward.close();
    }
  } finally {
    http.close();
  }
}

async function tokenOf(
  runtime: StatusRuntime,
  { tokenFile }: StatusTarget,
): Promise<string | null> {
  if (tokenFile === null) return null;
  try {
    const text = tokenFile === "-" ? runtime.readStdin() : runtime.readTextFile(tokenFile);
    return (await text).trim();
  } catch (fault) {
    const message = `--status-token-file: ${tokenFile} can't be read; expected a file with a token`;
    throw new StatusFault("refused", message, { cause: fault });
  }
}

/** Whether anything listens at the usual address. */
async function answers(http: HttpClient): Promise<boolean> {
  const reading = withDeadline({ clock: systemClock, ms: 1_000 }, async (signal) => {
    const answer = await http.fetch(usualUrl + "/", { method: "HEAD", signal });
    await answer.body?.cancel();
  });
  return await reading.then(() => true, () => false);
}

interface HttpStatusClientOptions {
  readonly runtime: StatusRuntime;
  readonly http: HttpClient;
  readonly target: StatusTarget;
  readonly url: string;
  readonly label: string;
  readonly token: string | null;
}

class HttpStatusClient implements StatusClient {
  readonly label: string;
  readonly #options: HttpStatusClientOptions;
  #token: string | null;

  constructor(options: HttpStatusClientOptions) {
    this.#options = options;
    this.#token = options.token;
    this.label = options.label;
  }

  async json<T>(path: string, schema: v.GenericSchema<unknown, T>): Promise<T | null> {
    const answer = await this.#authorised(path);
    return answer.status === 404 && answer.body.startsWith("no such pod")
      ? null
      : this.#read(answer, schema);
  }

  async summary<T>(schema: v.GenericSchema<unknown, T>): Promise<T> {
    const summary = await this.json("/api/summary", schema);
    if (summary === null) throw new StatusFault("refused", `${this.label}: no summary`);
    return summary;
  }

  async post<T>(path: string, body: unknown, schema: v.GenericSchema<unknown, T>): Promise<T> {
    return this.#read(await this.#authorised(path, JSON.stringify(body)), schema);
  }

  #read<T>({ status, body }: StatusAnswer, schema: v.GenericSchema<unknown, T>): T {
    if (status !== 200) {
      throw new StatusFault("refused", `${this.label}: ${status} ${body.trim().slice(0, 300)}`);
    }
    const read = v.safeParse(schema, parsedJson(body));
    if (read.success) return read.output;
    throw new StatusFault("refused", `${this.label}: not the status listener of a Rolecall server`);
  }

  /** On the host network the listener requires a token (docs/operations.md, "Status page"). */
  async #authorised(path: string, body?: string): Promise<StatusAnswer> {
    const answer = await this.#send(path, body);
    if (answer.status !== 401 || this.#token !== null) return answer;
    const { runtime, target } = this.#options;
    this.#token = await createToken(runtime, target);
    return this.#token === null ? withAdvice(answer) : await this.#send(path, body);
  }

  async #send(path: string, sent: string | undefined): Promise<StatusAnswer> {
    const { runtime, http, url } = this.#options;
    const headers = {
      accept: "application/json",
      ...(sent === undefined ? {} : { "content-type": "application/json" }),
      ...(this.#token === null ? {} : { authorization: `Bearer ${this.#token}` }),
    };
    const init = sent === undefined ? { headers } : { headers, method: "POST", body: sent };
    const reading = withDeadline({ clock: systemClock, ms: patienceMs }, async (signal) => {
      const answer = await http.fetch(url + path, { ...init, signal });
      return { status: answer.status, body: await answer.text() };
    });
    try {
      return await whileWaiting(runtime, systemClock, `waiting for ${this.label}`, reading);
    } catch (fault) {
      const why = unreachable.get(codeOf(fault)) ?? oneLine(messageOf(fault));
      const message = `${this.label}: no server answers (${why}); ` +
        `try: kubectl port-forward -n rolecall deploy/rolecall-server ${statusPort}`;
      throw new StatusFault("unreachable", message, { cause: fault });
    }
  }
}

const unresolved = "its name can't be resolved";
const noTls = "it doesn't speak TLS; should the URL begin with http://?";
/** The system's own texts are for programmers. */
const unreachable: ReadonlyMap<unknown, string> = new Map([
  ["ECONNREFUSED", "nothing listens there"],
  ["ENOTFOUND", unresolved],
  ["EAI_AGAIN", unresolved],
  ["EPROTO", noTls],
  ["ERR_SSL_WRONG_VERSION_NUMBER", noTls],
]);

interface StatusAnswer {
  readonly status: number;
  readonly body: string;
}

/** The server's own line says how to create a token. */
function withAdvice({ status, body }: StatusAnswer): StatusAnswer {
  return { status, body: `${body.trim()} | kubectl rolecall explain … --status-token-file=-` };
}

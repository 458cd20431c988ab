/** Asks a running server's status listener. */
import * as v from "valibot";
import { type Explanation, stepNames } from "../policy/explanation.ts";
import { type Answer, type DeniedPod, ExplainFault } from "./answer.ts";
import type { ExplainOptions } from "./options.ts";

/** The part of the runtime's HTTP client that is used here. */
export interface HttpClient {
  fetch(url: string, init: {
    readonly headers: Readonly<Record<string, string>>;
    readonly signal: AbortSignal;
  }): Promise<Response>;
}

const text = v.nullable(v.string());
const explanation = v.object({
  namespace: v.string(),
  pod: v.string(),
  outcome: v.picklist(["credentials", "permitted", "waiting", "denied", "none"]),
  reason: text,
  message: text,
  remedy: text,
  steps: v.array(v.object({
    step: v.picklist(stepNames),
    state: v.picklist(["ok", "failed", "waiting", "skipped"]),
    found: v.string(),
    reason: v.exactOptional(v.string()),
    remedy: v.exactOptional(v.string()),
    message: v.exactOptional(v.string()),
  })),
});
const summary = v.object({
  pods: v.array(v.object({
    namespace: v.string(),
    name: v.string(),
    state: v.string(),
    reason: text,
    message: text,
  })),
  replicas: v.array(v.object({ replica: v.string(), problem: text })),
});

interface StatusListener {
  readonly url: string;
  readonly http: HttpClient;
  readonly signal: AbortSignal;
}

/** @throws {ExplainFault} no answer, or none that is understood */
export async function askServer(
  url: string,
  subject: ExplainOptions["subject"],
  http: HttpClient,
  signal: AbortSignal,
): Promise<Answer> {
  const listener = { url, http, signal };
  if (subject === "all") return allDenied(await json(listener, "/api/summary", summary));
  const { namespace, name } = subject;
  const path = `/api/pods/${encodeURIComponent(namespace)}/${encodeURIComponent(name)}`;
  const found: Explanation | null = await json(listener, path, explanation);
  return found === null ? { kind: "not-found" } : { kind: "pod", explanation: found };
}

function allDenied(found: v.InferOutput<typeof summary> | null): Answer {
  const denied: DeniedPod[] = (found?.pods ?? [])
    .filter(({ state }) => state === "denied" || state === "failed")
    .map(({ namespace, name, reason, message }) => ({
      namespace,
      name,
      reason: reason ?? "",
      message: message ?? "",
    }));
  const notes = (found?.replicas ?? [])
    .filter(({ problem }) => problem !== null)
    .map(({ replica, problem }) => `replica ${replica} was not asked: ${problem}`);
  return { kind: "all", denied, notes };
}

/** Null for 404. */
async function json<T>(
  { url, http, signal }: StatusListener,
  path: string,
  schema: v.GenericSchema<unknown, T>,
): Promise<T | null> {
  const answer = await reach(
    url,
    () => http.fetch(url + path, { headers: { accept: "application/json" }, signal }),
  );
  const body = await reach(url, () => answer.text());
  if (answer.status === 404 && body.startsWith("no such pod")) return null;
  if (answer.status !== 200) {
    throw new ExplainFault("refused", `${url}: ${answer.status} ${body.trim().slice(0, 200)}`);
  }
  const read = v.safeParse(schema, parsed(body));
  if (read.success) return read.output;
  throw new ExplainFault("refused", `${url}: not the status listener of a Rolecall server`);
}

async function reach<T>(url: string, attempt: () => Promise<T>): Promise<T> {
  try {
    return await attempt();
  } catch (cause) {
    const said = cause instanceof Error ? cause.message : String(cause);
    const advice = "try: kubectl port-forward -n rolecall deploy/rolecall-server 9622";
    throw new ExplainFault("unreachable", `${url}: no server answers (${said}); ${advice}`, {
      cause,
    });
  }
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

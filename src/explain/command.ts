/** The `explain` command: whom to ask, how to print the answer, and the exit code for it. */
import type { KubernetesApi } from "../kubernetes/client/api.ts";
import { ApiFault } from "../kubernetes/client/api_fault.ts";
import { ConnectionFault } from "../kubernetes/client/connection.ts";
import { kubeconfigApi } from "../kubernetes/client/kubeconfig.ts";
import type { KubeconfigFiles } from "../kubernetes/client/kubeconfig_files.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { withDeadline } from "../time/deadline.ts";
import { systemClock } from "../time/system_clock.ts";
import { refuse } from "../cli/command.ts";
import { whileWaiting } from "../cli/waiting.ts";
import { version } from "../version.ts";
import { type Answer, causesOf, ExplainFault } from "./answer.ts";
import { judgeCluster } from "./from_cluster.ts";
import { askServer } from "./from_server.ts";
import { causesText, coloured, plain, podText } from "./text.ts";
import { type ExplainOptions, parseExplainOptions } from "./options.ts";

/** Beside 0, and 2 for wrong settings. */
const exitCodes = { unreachable: 1, denied: 3, notFound: 4 } as const;
const patienceMs = 15_000;

/**
 * 0 the pod gets credentials (or policy permits them, where only it was asked; with --all: no pod is
 * denied); 3 it doesn't, or not yet; 4 there is no such pod; 1 nobody could be asked; 2 wrong
 * settings.
 */
export async function runExplain(runtime: Runtime, args: readonly string[]): Promise<number> {
  const parsed = parseExplainOptions(args, runtime.env);
  if (parsed.kind === "problems") return refuse(runtime, parsed.problems);
  const { options } = parsed;
  try {
    const { answer, source } = await answered(runtime, options);
    return print(runtime, options, answer, source);
  } catch (fault) {
    if (fault instanceof ConnectionFault && fault.code !== "access_unavailable") {
      return refuse(runtime, [fault.message]);
    }
    if (!isExpected(fault)) throw fault;
    runtime.writeError(`explain: ${fault.message}\n`);
    return exitCodes.unreachable;
  }
}

interface Answered {
  readonly answer: Answer;
  readonly source: string;
}

function answered(runtime: Runtime, options: ExplainOptions): Promise<Answered> {
  const { source } = options;
  if (source.kind === "server") return fromServer(runtime, options, source.url);
  if (source.kind === "cluster") return fromCluster(runtime, options, source.kubeconfig);
  return fromUsual(runtime, options, source);
}

async function fromServer(
  runtime: Runtime,
  { subject }: ExplainOptions,
  url: string,
): Promise<Answered> {
  const http = runtime.httpClient();
  const deadline = { clock: systemClock, ms: patienceMs };
  try {
    const asking = withDeadline(deadline, (signal) => askServer(url, subject, http, signal));
    const answer = await whileWaiting(runtime, systemClock, `asking ${url}`, asking);
    return { answer, source: `the server at ${url}` };
  } finally {
    http.close();
  }
}

async function fromCluster(
  runtime: Runtime,
  options: ExplainOptions,
  kubeconfig: KubeconfigFiles,
): Promise<Answered> {
  const given = { runtime, clock: systemClock, userAgent: `rolecall/${version}` };
  const api: KubernetesApi = await kubeconfigApi(kubeconfig, given);
  try {
    const judging = judgeCluster(api, systemClock, options);
    const words = `reading the cluster of ${kubeconfig.label}`;
    const answer = await whileWaiting(runtime, systemClock, words, judging);
    return { answer, source: `the cluster of ${kubeconfig.label}, policy alone` };
  } finally {
    api.close();
  }
}

async function fromUsual(
  runtime: Runtime,
  options: ExplainOptions,
  { url, kubeconfig }: { readonly url: string; readonly kubeconfig: KubeconfigFiles | null },
): Promise<Answered> {
  try {
    return await fromServer(runtime, options, url);
  } catch (fault) {
    const silent = fault instanceof ExplainFault && fault.code === "unreachable";
    if (!silent || kubeconfig === null) throw fault;
    return await fromCluster(runtime, options, kubeconfig).catch((noCluster) => {
      const isMissing = noCluster instanceof ConnectionFault &&
        noCluster.code === "kubeconfig_missing";
      throw isMissing ? fault : noCluster;
    });
  }
}

function print(
  runtime: Runtime,
  { subject, json }: ExplainOptions,
  answer: Answer,
  source: string,
): number {
  const paint = runtime.isTerminal && !runtime.env["NO_COLOR"] ? coloured : plain;
  if (answer.kind === "not-found") {
    const name = subject === "all" ? "" : `${subject.namespace}/${subject.name}`;
    runtime.writeError(`explain: no pod ${name} (asked: ${source})\n`);
    return exitCodes.notFound;
  }
  if (answer.kind === "pod") {
    const { explanation } = answer;
    runtime.writeOut(
      json ? jsonText({ source, ...explanation }) : podText(explanation, source, paint),
    );
    const well = explanation.outcome === "credentials" || explanation.outcome === "permitted";
    return well ? 0 : exitCodes.denied;
  }
  const causes = causesOf(answer.denied);
  const { notes } = answer;
  runtime.writeOut(
    json ? jsonText({ source, causes, notes }) : causesText(causes, notes, source, paint),
  );
  return causes.length === 0 ? 0 : exitCodes.denied;
}

function jsonText(value: unknown): string {
  return JSON.stringify(value, null, 2) + "\n";
}

function isExpected(fault: unknown): fault is Error {
  return fault instanceof ExplainFault || fault instanceof ApiFault ||
    fault instanceof ConnectionFault;
}

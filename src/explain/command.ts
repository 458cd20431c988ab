/** The `explain` command: whom to ask, how to print the answer, and the exit code for it. */
import type { KubernetesApi } from "../kubernetes/api.ts";
import { ApiFault } from "../kubernetes/api_fault.ts";
import { ConnectionFault } from "../kubernetes/connection.ts";
import { kubeconfigApi } from "../kubernetes/kubeconfig_api.ts";
import type { Host } from "../runtime/contract.ts";
import { systemClock } from "../runtime/system_clock.ts";
import { type Command, refuse } from "../settings/command.ts";
import { whileWaiting } from "../settings/waiting.ts";
import { version } from "../version.ts";
import { type Answer, ExplainFault } from "./answer.ts";
import { causesOf } from "./causes.ts";
import { explainFlags } from "./flags.ts";
import { judgeCluster } from "./from_cluster.ts";
import { askServer } from "./from_server.ts";
import { causesText, coloured, plain, podText } from "./text.ts";
import { parseWish, type Wish } from "./wish.ts";

/** Beside 0, and 2 for wrong settings. */
const exitCodes = { unreachable: 1, denied: 3, notFound: 4 } as const;
const patienceMs = 15_000;

export const explainCommand: Command = {
  usage: "NAMESPACE/POD | --all [flags]",
  summary: "tells why a pod has its credentials or not, and the one thing to change",
  flags: explainFlags,
  examples: [
    "explain shop/cart-0",
    "explain --all --server-status=http://127.0.0.1:9622",
    "explain shop/cart-0 --kubeconfig=FILE --output=json",
  ],
  run: runExplain,
};

/**
 * 0 the pod gets credentials (or policy permits them, where only it was asked; with --all: no pod is
 * denied); 3 it doesn't, or not yet; 4 there is no such pod; 1 nobody could be asked; 2 wrong
 * settings.
 */
export async function runExplain(host: Host, args: readonly string[]): Promise<number> {
  const parsed = parseWish(args, host.env);
  if (parsed.kind === "problems") return refuse(host, parsed.problems);
  const { wish } = parsed;
  try {
    const { answer, source } = await answered(host, wish);
    return print(host, wish, answer, source);
  } catch (fault) {
    if (fault instanceof ConnectionFault && fault.code === "settings_broken") {
      return refuse(host, [`--kubeconfig: ${fault.message}`]);
    }
    if (!isExpected(fault)) throw fault;
    host.writeError(`explain: ${fault.message}\n`);
    return exitCodes.unreachable;
  }
}

interface Answered {
  readonly answer: Answer;
  readonly source: string;
}

function answered(host: Host, wish: Wish): Promise<Answered> {
  const { source } = wish;
  if (source.kind === "server") return fromServer(host, wish, source.url);
  if (source.kind === "cluster") return fromCluster(host, wish, source.kubeconfig);
  return fromUsual(host, wish, source);
}

async function fromServer(host: Host, { subject }: Wish, url: string): Promise<Answered> {
  const http = host.httpClient();
  const tooLate = new AbortController();
  const late = new Error(`no answer within ${patienceMs / 1000} s`);
  const cancel = systemClock.after(patienceMs, () => tooLate.abort(late));
  try {
    const asking = askServer(url, subject, http, tooLate.signal);
    const answer = await whileWaiting(host, systemClock, `asking ${url}`, asking);
    return { answer, source: `the server at ${url}` };
  } finally {
    cancel();
    http.close();
  }
}

async function fromCluster(host: Host, wish: Wish, kubeconfig: string): Promise<Answered> {
  const { readTextFile, env } = host;
  const api: KubernetesApi = await kubeconfigApi(kubeconfig, {
    readTextFile,
    env,
    clock: systemClock,
    httpClient: (tls) => host.httpClient(tls),
    userAgent: `rolecall/${version}`,
  });
  try {
    const judging = judgeCluster(api, systemClock, wish);
    const words = `reading the cluster of ${kubeconfig}`;
    const answer = await whileWaiting(host, systemClock, words, judging);
    return { answer, source: `the cluster of ${kubeconfig}, policy alone` };
  } finally {
    api.close();
  }
}

async function fromUsual(
  host: Host,
  wish: Wish,
  { url, kubeconfig }: { readonly url: string; readonly kubeconfig: string | null },
): Promise<Answered> {
  try {
    return await fromServer(host, wish, url);
  } catch (fault) {
    const silent = fault instanceof ExplainFault && fault.code === "unreachable";
    if (!silent || kubeconfig === null || !await isThere(host, kubeconfig)) throw fault;
    return await fromCluster(host, wish, kubeconfig);
  }
}

async function isThere(host: Host, path: string): Promise<boolean> {
  return await host.readTextFile(path).then(() => true, () => false);
}

function print(host: Host, { subject, json }: Wish, answer: Answer, source: string): number {
  const paint = host.isTerminal && !host.env["NO_COLOR"] ? coloured : plain;
  if (answer.kind === "not-found") {
    const name = subject === "all" ? "" : `${subject.namespace}/${subject.name}`;
    host.writeError(`explain: no pod ${name} (asked: ${source})\n`);
    return exitCodes.notFound;
  }
  if (answer.kind === "pod") {
    const { explanation } = answer;
    host.writeOut(
      json ? jsonText({ source, ...explanation }) : podText(explanation, source, paint),
    );
    const well = explanation.outcome === "credentials" || explanation.outcome === "permitted";
    return well ? 0 : exitCodes.denied;
  }
  const causes = causesOf(answer.denied);
  const { notes } = answer;
  host.writeOut(
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

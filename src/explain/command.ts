/** The `explain` command: which server or cluster answers, how it is printed, and the exit code. */
import { refuse } from "../cli/command.ts";
import { whileWaiting } from "../cli/waiting.ts";
import { ApiFault } from "../kubernetes/client/api_fault.ts";
import { ConnectionFault } from "../kubernetes/client/connection.ts";
import { contextNamespace, withKubeconfigApi } from "../kubernetes/client/kubeconfig.ts";
import type { KubeconfigFiles } from "../kubernetes/client/kubeconfig_files.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { structuredText } from "../status_client/output.ts";
import { causesOf } from "../status_client/denied_pods.ts";
import { type StatusTarget, withStatusClient } from "../status_client/status_client.ts";
import { StatusFault } from "../status_client/status_fault.ts";
import { systemClock } from "../time/system_clock.ts";
import { userAgent } from "../version.ts";
import type { Answer } from "./answer.ts";
import { explainAllByPolicy, explainPodByPolicy } from "./from_cluster.ts";
import { explainAll, explainPod } from "./from_server.ts";
import { type ExplainOptions, parseExplainOptions } from "./options.ts";
import { causesText, coloured, plain, podText } from "./text.ts";

/** In addition to 0, and to 2 for wrong settings. */
const exitCodes = { unreachable: 1, denied: 3, notFound: 4 } as const;

export async function runExplain(runtime: Runtime, args: readonly string[]): Promise<number> {
  const parsed = parseExplainOptions(args, runtime.env);
  if (parsed.kind === "problems") return refuse(runtime, parsed.problems);
  const { options } = parsed;
  try {
    return print(runtime, options, await answered(runtime, options));
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

async function answered(runtime: Runtime, options: ExplainOptions): Promise<Answered> {
  const { server, kubeconfig } = options;
  if (server === null) return await byPolicy(runtime, options, kubeconfig!);
  try {
    return await byServer(runtime, options, server);
  } catch (fault) {
    const isUnreachable = fault instanceof StatusFault && fault.code === "unreachable";
    if (!isUnreachable || server.url !== null || kubeconfig === null) throw fault;
    return await byPolicy(runtime, options, kubeconfig).catch((noCluster) => {
      const isMissing = noCluster instanceof ConnectionFault &&
        noCluster.code === "kubeconfig_missing";
      throw isMissing ? fault : noCluster;
    });
  }
}

async function byServer(
  runtime: Runtime,
  { subject, kubeconfig, context }: ExplainOptions,
  server: StatusTarget,
): Promise<Answered> {
  const namespace = subject.kind === "pod"
    ? subject.namespace ?? await namespaceOf(runtime, kubeconfig, context)
    : subject.namespace;
  return await withStatusClient(runtime, server, async (client) => {
    const answer = subject.kind === "all"
      ? await explainAll(client, namespace)
      : await explainPod(client, namespace ?? "default", subject.name);
    return { answer, source: `the server at ${client.label}` };
  });
}

function namespaceOf(
  runtime: Runtime,
  kubeconfig: KubeconfigFiles | null,
  context: string | null,
): Promise<string> {
  return contextNamespace(kubeconfig, { runtime, clock: systemClock, context });
}

async function byPolicy(
  runtime: Runtime,
  { subject, context, policy }: ExplainOptions,
  kubeconfig: KubeconfigFiles,
): Promise<Answered> {
  const options = { runtime, clock: systemClock, userAgent, context };
  return await withKubeconfigApi(kubeconfig, options, async (api) => {
    const namespace = subject.namespace ??
      (subject.kind === "pod" ? await namespaceOf(runtime, kubeconfig, context) : null);
    const explaining = subject.kind === "all"
      ? explainAllByPolicy(api, systemClock, { policy, namespace })
      : explainPodByPolicy(api, policy, { namespace: namespace ?? "default", name: subject.name });
    const message = `reading the cluster of ${kubeconfig.label}`;
    const answer = await whileWaiting(runtime, systemClock, message, explaining);
    return { answer, source: `the cluster of ${kubeconfig.label}, policy alone` };
  });
}

function print(
  runtime: Runtime,
  { output }: ExplainOptions,
  { answer, source }: Answered,
): number {
  const paint = runtime.isTerminal && !runtime.env["NO_COLOR"] ? coloured : plain;
  if (answer.kind === "not-found") {
    const { namespace, name } = answer;
    runtime.writeError(`explain: no pod ${namespace}/${name} (source: ${source})\n`);
    return exitCodes.notFound;
  }
  if (answer.kind === "pod") {
    const { explanation } = answer;
    runtime.writeOut(
      output === "text"
        ? podText(explanation, source, paint)
        : structuredText(output, { source, ...explanation }),
    );
    const { outcome } = explanation;
    return outcome === "credentials" || outcome === "permitted" ? 0 : exitCodes.denied;
  }
  const causes = causesOf(answer.denied);
  const { notes } = answer;
  runtime.writeOut(
    output === "text"
      ? causesText({ causes, notes, source }, paint)
      : structuredText(output, { source, causes, notes }),
  );
  return causes.length === 0 ? 0 : exitCodes.denied;
}

function isExpected(fault: unknown): fault is Error {
  return fault instanceof StatusFault || fault instanceof ApiFault ||
    fault instanceof ConnectionFault;
}

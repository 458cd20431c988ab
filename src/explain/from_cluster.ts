/** Explanations by policy alone, from the cluster's objects, without a server. */
import type { KubernetesApi } from "../kubernetes/client/api.ts";
import {
  podsWithFacts,
  type PodWithFacts,
  readClusterFacts,
  readPodFacts,
} from "../kubernetes/operations/cluster_facts.ts";
import type { Clock } from "../time/clock.ts";
import { createPolicy, type Policy } from "../policy/decide.ts";
import { explained, type Explanation, skipped } from "../policy/explanation.ts";
import type { PolicySettings } from "../policy/facts.ts";
import type { DeniedPod } from "../status_client/denied_pods.ts";
import type { Answer } from "./answer.ts";

const unchecked = "not checked: only a server knows it (--server-status)";
/** The server determines its account by itself; here a flag has to give it. */
const giveBase = "give --role-base-arn as the server has it, or use a server (--server-status)";

/** @throws {ApiFault} */
export async function explainPodByPolicy(
  api: KubernetesApi,
  settings: PolicySettings,
  { namespace, name }: { readonly namespace: string; readonly name: string },
): Promise<Answer> {
  const facts = await readPodFacts(api, namespace, name);
  if (facts === null) return { kind: "not-found", namespace, name };
  return { kind: "pod", explanation: evaluatePod(createPolicy(settings), settings, facts) };
}

/** Of one namespace, or with null of all. @throws {ApiFault} */
export async function explainAllByPolicy(
  api: KubernetesApi,
  clock: Clock,
  { policy, namespace }: {
    readonly policy: PolicySettings;
    readonly namespace: string | null;
  },
): Promise<Answer> {
  const pods = podsWithFacts(await readClusterFacts(api, clock));
  const wanted = [...pods].filter(({ pod }) => namespace === null || pod.namespace === namespace);
  return evaluateAll(createPolicy(policy), wanted);
}

/** One pod's steps; credentials and agent aren't known. */
function evaluatePod(
  policy: Policy,
  settings: PolicySettings,
  facts: PodWithFacts,
): Explanation {
  const decision = policy.decide(facts.pod, facts.namespace, facts.serviceAccount);
  const open = [skipped("credentials", unchecked), skipped("agent", unchecked)];
  const request = policy.requestedRole(facts.pod, facts.namespace, facts.serviceAccount);
  const explanation = explained({ ...facts, request, decision }, open);
  if (explanation.reason !== "RoleBaseUnknown" || settings.roleBaseArn !== null) return explanation;
  const steps = explanation.steps.map((one) =>
    one.reason === "RoleBaseUnknown" ? { ...one, state: "waiting" as const, remedy: giveBase } : one
  );
  return { ...explanation, outcome: "waiting", message: null, remedy: giveBase, steps };
}

function evaluateAll(policy: Policy, pods: Iterable<PodWithFacts>): Answer {
  const denied: DeniedPod[] = [];
  let unevaluated = 0;
  for (const { pod, namespace, serviceAccount } of pods) {
    if (pod.terminal) continue;
    const decision = policy.decide(pod, namespace, serviceAccount);
    if (decision.kind !== "denied") continue;
    const { reason, message } = decision.denial;
    if (reason === "RoleBaseUnknown") unevaluated++;
    else denied.push({ namespace: pod.namespace, name: pod.name, reason, message });
  }
  const note =
    `${unevaluated} not evaluated, since their roles are written without arn: ${giveBase}`;
  return { kind: "all", denied, notes: unevaluated === 0 ? [] : [note] };
}

/** Judges by policy alone, from what the cluster's objects say: no server is asked. */
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
import type { Answer, DeniedPod } from "./answer.ts";
import type { ExplainOptions } from "./options.ts";

const unasked = "not asked: only a server knows (--server-status)";
/** The server finds its account out by itself; here it has to be told. */
const giveBase = "give --role-base-arn as the server has it, or ask the server (--server-status)";

/** @throws {ApiFault} the API can't be asked */
export async function judgeCluster(
  api: KubernetesApi,
  clock: Clock,
  { subject, policy: settings }: Pick<ExplainOptions, "subject" | "policy">,
): Promise<Answer> {
  const policy = createPolicy(settings);
  if (subject === "all") return judgeAll(policy, await collected(api, clock));
  const facts = await readPodFacts(api, subject.namespace, subject.name);
  if (facts === null) return { kind: "not-found" };
  return { kind: "pod", explanation: judgePod(policy, settings, facts) };
}

/** One pod's steps; credentials and agent stay open. */
function judgePod(
  policy: Policy,
  settings: PolicySettings,
  facts: PodWithFacts,
): Explanation {
  const decision = policy.decide(facts.pod, facts.namespace, facts.serviceAccount);
  const open = [skipped("credentials", unasked), skipped("agent", unasked)];
  const explanation = explained({ ...facts, decision }, open);
  if (explanation.reason !== "RoleBaseUnknown" || settings.roleBaseArn !== null) return explanation;
  const steps = explanation.steps.map((one) =>
    one.reason === "RoleBaseUnknown" ? { ...one, state: "waiting" as const, remedy: giveBase } : one
  );
  return { ...explanation, outcome: "waiting", message: null, remedy: giveBase, steps };
}

function judgeAll(policy: Policy, pods: Iterable<PodWithFacts>): Answer {
  const denied: DeniedPod[] = [];
  let unjudged = 0;
  for (const { pod, namespace, serviceAccount } of pods) {
    if (pod.terminal) continue;
    const decision = policy.decide(pod, namespace, serviceAccount);
    if (decision.kind !== "denied") continue;
    const { reason, message } = decision.denial;
    if (reason === "RoleBaseUnknown") unjudged++;
    else denied.push({ namespace: pod.namespace, name: pod.name, reason, message });
  }
  const note = `${unjudged} not judged, whose roles are named without arn: ${giveBase}`;
  return { kind: "all", denied, notes: unjudged === 0 ? [] : [note] };
}

async function collected(api: KubernetesApi, clock: Clock): Promise<Iterable<PodWithFacts>> {
  return podsWithFacts(await readClusterFacts(api, clock));
}

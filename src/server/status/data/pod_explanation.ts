/** Explains why a pod has credentials or not, with data from all replicas. */
import { explained, type Explanation, skipped } from "../../../policy/explanation.ts";
import type { PodFacts } from "../../../policy/facts.ts";
import type { Assigner } from "../../assignments/assigner.ts";
import type { ClusterIndex } from "../../cluster/cluster_index.ts";
import type { MergedSummary } from "./merged_summary.ts";
import { servedSteps } from "./served_steps.ts";
import type { PodName } from "./summary.ts";

interface PodExplanationOptions {
  readonly index: ClusterIndex;
  readonly assigner: Assigner;
  /** Limited to this pod. */
  readonly summary: (only: PodName) => Promise<MergedSummary>;
}

/** Null if there is no pod of that name. */
export async function podExplanation(
  { index, assigner, summary }: PodExplanationOptions,
  name: PodName,
): Promise<Explanation | null> {
  const pod = podNamed(index, name);
  if (pod === undefined) return null;
  const { decision } = assigner.assignmentOf(pod);
  const namespace = index.namespace(pod.namespace);
  const serviceAccount = index.serviceAccount(pod.namespace, pod.serviceAccount);
  const request = assigner.requestOf(pod);
  const { pods, agents, replicas } = await summary(name);
  const row = pods.find(({ uid }) => uid === pod.uid);
  const complete = replicas.every(({ problem }) => problem === null);
  const served = row === undefined
    ? [skipped("credentials"), skipped("agent")]
    : servedSteps({ row, agents, complete });
  const explanation = explained({ pod, namespace, serviceAccount, request, decision }, served);
  const at = row?.lastWithoutToken ?? null;
  if (at === null) return explanation;
  const steps = explanation.steps.map((one) =>
    one.step === "pod"
      ? { ...one, found: `${one.found}; last request without a token (IMDSv1): ${at}` }
      : one
  );
  return { ...explanation, steps };
}

/** Prefers the live pod: a terminal pod may share its name with its successor. */
function podNamed(index: ClusterIndex, wanted: PodName): PodFacts | undefined {
  const named = [...index.allPods()].filter(({ namespace, name }) =>
    namespace === wanted.namespace && name === wanted.name
  );
  return named.find(({ terminal }) => !terminal) ?? named[0];
}

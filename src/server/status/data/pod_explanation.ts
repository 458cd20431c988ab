/** Why a pod has its credentials or not, by what all replicas know. */
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
  /** Of this pod alone. */
  readonly summary: (only: PodName) => Promise<MergedSummary>;
}

/** Null where no pod of that name is known. */
export async function podExplanation(
  { index, assigner, summary }: PodExplanationOptions,
  name: PodName,
): Promise<Explanation | null> {
  const pod = podNamed(index, name);
  if (pod === undefined) return null;
  const { decision } = assigner.assignmentOf(pod);
  const namespace = index.namespace(pod.namespace);
  const serviceAccount = index.serviceAccount(pod.namespace, pod.serviceAccount);
  const { pods, agents, replicas } = await summary(name);
  const row = pods.find(({ uid }) => uid === pod.uid);
  const complete = replicas.every(({ problem }) => problem === null);
  const served = row === undefined
    ? [skipped("credentials"), skipped("agent")]
    : servedSteps({ row, agents, complete });
  return explained({ pod, namespace, serviceAccount, decision }, served);
}

/** A name is one pod's at a time; one that has ended yields to its successor. */
function podNamed(index: ClusterIndex, wanted: PodName): PodFacts | undefined {
  const named = [...index.allPods()].filter(({ namespace, name }) =>
    namespace === wanted.namespace && name === wanted.name
  );
  return named.find(({ terminal }) => !terminal) ?? named[0];
}

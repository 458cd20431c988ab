/**
 * Pods of a real cluster that this process answers for: only those named, moved to this node and to
 * loopback addresses, in the order of their names. The rest of the cluster stays out.
 */
import type { PodFacts } from "../policy/facts.ts";
import { devNodeName } from "./manifest_objects.ts";

/** Where a list and watch puts what it finds; `remove` takes a UID. */
export interface PodSink {
  replace(items: readonly PodFacts[]): void;
  upsert(item: PodFacts): void;
  remove(uid: string): void;
}

/** The first of `names` (`NAMESPACE/POD`) is at 127.0.0.1, the next at 127.0.0.2, and so on. */
export function actedPods(sink: PodSink, names: readonly string[], agent: PodFacts): PodSink {
  const acted = (pod: PodFacts): PodFacts[] => {
    const at = names.indexOf(`${pod.namespace}/${pod.name}`);
    if (at < 0) return [];
    return [{ ...pod, nodeName: devNodeName, ips: [`127.0.0.${at + 1}`] }];
  };
  return {
    replace: (pods) => sink.replace([...pods.flatMap(acted), agent]),
    upsert: (pod) => acted(pod).forEach((one) => sink.upsert(one)),
    remove: (uid) => sink.remove(uid),
  };
}

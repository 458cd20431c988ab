/**
 * Keeps a pod's facts small and tells whether two versions say the same. Most changes of a pod
 * (conditions, restarts, probes) change none of its facts and end here.
 */
import type { PodFacts } from "../../policy/facts.ts";
import type { Interner } from "./interner.ts";

const noAddress: readonly string[] = [];

/** The same facts in an object of one fixed shape, sharing texts that many pods have. */
export function compactPod(pod: PodFacts, pool: Interner): PodFacts {
  return {
    uid: pod.uid,
    namespace: pool.share(pod.namespace),
    name: pod.name,
    nodeName: pool.share(pod.nodeName),
    serviceAccount: pool.share(pod.serviceAccount),
    ips: pod.ips.length === 0 ? noAddress : pod.ips,
    hostNetwork: pod.hostNetwork,
    terminal: pod.terminal,
    terminating: pod.terminating,
    mirror: pod.mirror,
    createdAt: pool.share(pod.createdAt),
    role: pool.share(pod.role),
    sessionName: pool.share(pod.sessionName),
    externalId: pool.share(pod.externalId),
    sessionDuration: pool.share(pod.sessionDuration),
  };
}

/** Whether both say what a decision rests on in the same way: all but addresses and life cycle. */
export function sameRequest(a: PodFacts, b: PodFacts): boolean {
  return a.role === b.role && a.sessionName === b.sessionName && a.externalId === b.externalId &&
    a.sessionDuration === b.sessionDuration && a.serviceAccount === b.serviceAccount &&
    a.namespace === b.namespace && a.name === b.name && a.nodeName === b.nodeName &&
    a.mirror === b.mirror;
}

/** Whether no fact differs. */
export function samePod(a: PodFacts, b: PodFacts): boolean {
  return sameRequest(a, b) && a.uid === b.uid && a.hostNetwork === b.hostNetwork &&
    a.terminal === b.terminal && a.terminating === b.terminating && a.createdAt === b.createdAt &&
    a.ips.length === b.ips.length && a.ips.every((ip, i) => ip === b.ips[i]);
}

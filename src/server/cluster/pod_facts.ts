/**
 * Compact and comparable pod facts. Most updates of a pod (conditions, restarts, probes) change none
 * of them and go no further.
 */
import type { PodFacts } from "../../policy/facts.ts";
import type { Interner } from "./interner.ts";

const noAddress: readonly string[] = [];

/** The same facts in an object of one fixed shape, with shared strings. */
export function compactPod(pod: PodFacts, interner: Interner): PodFacts {
  return {
    uid: pod.uid,
    namespace: interner.intern(pod.namespace),
    name: pod.name,
    nodeName: interner.intern(pod.nodeName),
    serviceAccount: interner.intern(pod.serviceAccount),
    ips: pod.ips.length === 0 ? noAddress : pod.ips,
    hostNetwork: pod.hostNetwork,
    terminal: pod.terminal,
    terminating: pod.terminating,
    mirror: pod.mirror,
    createdAt: interner.intern(pod.createdAt),
    role: interner.intern(pod.role),
    sessionName: interner.intern(pod.sessionName),
    externalId: interner.intern(pod.externalId),
    sessionDuration: interner.intern(pod.sessionDuration),
    sessionPolicyArns: interner.intern(pod.sessionPolicyArns),
  };
}

/** Whether everything that decisions depend on is equal: all but addresses and life cycle. */
export function sameRequest(a: PodFacts, b: PodFacts): boolean {
  return a.role === b.role && a.sessionName === b.sessionName && a.externalId === b.externalId &&
    a.sessionDuration === b.sessionDuration && a.sessionPolicyArns === b.sessionPolicyArns &&
    a.serviceAccount === b.serviceAccount &&
    a.namespace === b.namespace && a.name === b.name && a.nodeName === b.nodeName &&
    a.mirror === b.mirror;
}

/** Whether all facts are equal. */
export function samePod(a: PodFacts, b: PodFacts): boolean {
  return sameRequest(a, b) && a.uid === b.uid && a.hostNetwork === b.hostNetwork &&
    a.terminal === b.terminal && a.terminating === b.terminating && a.createdAt === b.createdAt &&
    a.ips.length === b.ips.length && a.ips.every((ip, i) => ip === b.ips[i]);
}

/** What must hold at every answer to a pod, and once everything has worked for a while. */
import { type ClusterTruth, durationSeconds } from "./cluster_truth.ts";
import { type Health, settledMs } from "./health.ts";
import type { Process } from "./virtual_clock.ts";
import type { PodAnswer } from "./simulated_node.ts";
import type { Issued, SimulatedSts } from "./simulated_sts.ts";

/** The name of what was violated stays the same while a history shrinks. */
export interface Violation {
  readonly rule:
    | "another-pods-credentials"
    | "withdrawn"
    | "expired"
    | "forged"
    | "node-credentials"
    | "not-served"
    | "not-kept"
    | "renewed-late"
    | "sts-limits"
    | "left-without"
    | "left-over"
    | "busy";
  readonly text: string;
}

/** STS's clock may be ahead by two seconds, and answers take a moment. */
const clocksMs = 3_000;
/**
 * A refused role is tried again after five minutes at most, and credentials that came while a node's
 * clock was ahead are renewed after less than half of their life.
 */
export const slowlySettledMs = 430_000;

interface ChecksOptions {
  readonly truth: ClusterTruth;
  readonly sts: SimulatedSts;
  readonly health: (node: string) => Health;
  readonly time: () => number;
  readonly now: () => number;
  /** When something was last wrong after which {@link slowlySettledMs} holds. */
  readonly slowSince: () => number;
}

export class Checks {
  readonly #options: ChecksOptions;
  readonly violations: Violation[] = [];
  /** Pods that have been answered as they should since `expectAll`. */
  readonly #served = new Set<string>();
  /** The last credentials that a pod got, and the agent that gave them. */
  readonly #kept = new Map<string, { issued: Issued; agent: Process; at: number }>();
  readonly counts = { answers: 0, credentials: 0, strict: 0, forged: 0 };

  constructor(options: ChecksOptions) {
    this.#options = options;
  }

  add(rule: Violation["rule"], text: string): void {
    this.violations.push({ rule, text });
  }

  /** From here on every pod has to be answered; see `notServed`. */
  expectAll(): void {
    this.#served.clear();
  }

  wasServed(uid: string): boolean {
    return this.#served.has(uid);
  }

  answered(answer: PodAnswer): string {
    this.counts.answers++;
    if (answer.forged) this.counts.forged++;
    const { status, text } = answer;
    if (text.includes("of the node")) this.add("node-credentials", `${answer.pod.name}: ${text}`);
    const key = status === 200 ? keyIn(text) : undefined;
    const issued = key === undefined ? undefined : this.#credentials(answer, key);
    this.#liveness(answer, issued);
    this.#keeping(answer, issued);
    return issued === undefined ? String(status) : `${status} ${key} ${issued.what}`;
  }

  #credentials({ pod, node, forged }: PodAnswer, key: string): Issued | undefined {
    const { truth, sts, health, time, now } = this.#options;
    const issued = sts.ledger.get(key);
    this.counts.credentials++;
    if (issued === undefined) {
      this.add("another-pods-credentials", `${pod.name} got ${key}, which STS never issued`);
      return undefined;
    }
    const where = `${pod.name} (${pod.namespace}) on ${node.name} got ${issued.what}`;
    if (!truth.since(pod.uid, -Infinity).has(issued.what)) {
      this.add(forged ? "forged" : "another-pods-credentials", `${where}, never its own`);
    } else if (!truth.since(pod.uid, health(node.name).confirmedUpTo(time())).has(issued.what)) {
      const last = truth.now(pod.uid)!;
      const seconds = ((time() - last.since) / 1000).toFixed(1);
      this.add("withdrawn", `${where}; for ${seconds} s it has been: ${last.what}`);
    }
    const left = issued.expiresAt - now();
    if (left < -clocksMs) this.add("expired", `${where}, expired ${-left / 1000} s ago`);
    return issued;
  }

  /** By the kernel, a pod that got credentials gets them until they expire, whatever fails. */
  #keeping({ pod, node, forged, agent, status }: PodAnswer, issued: Issued | undefined): void {
    const { truth, time, now, slowSince, health } = this.#options;
    if (forged || node.identity !== "kernel") return;
    if (issued !== undefined) {
      this.#kept.set(pod.uid, { issued, agent, at: time() });
      return;
    }
    const kept = this.#kept.get(pod.uid);
    // A client that had no answer shows nothing: it or the agent may have been stopped.
    if (kept === undefined || kept.agent !== agent || pod.address === null || status === 0) return;
    // A role that STS refuses since then is refused by a server that never had its credentials.
    if (slowSince() >= kept.at - slowlySettledMs || node.machine.offsetMs !== 0) return;
    const expected = truth.now(pod.uid)!;
    // A server that was cut off also sees what the pod was meanwhile, and gives that up first.
    if (expected.what !== kept.issued.what || expected.since > kept.issued.issuedAt) return;
    // One that is a little behind may not have seen yet that the pod may have this.
    if (expected.since > health(node.name).confirmedUpTo(time())) return;
    const left = kept.issued.expiresAt - now();
    if (left < clocksMs) return;
    this.add("not-kept", `${pod.name} on ${node.name} got ${status}, ${left / 1000} s too early`);
  }

  /** With everything working, each request of a pod gets what the API says. */
  #liveness({ pod, node, forged, status, sentAt }: PodAnswer, issued: Issued | undefined): void {
    const { truth, health, time, now, slowSince } = this.#options;
    const expected = truth.now(pod.uid);
    if (forged || expected === undefined || pod.address === null) return;
    const slowly = time() - slowSince() < slowlySettledMs + settledMs;
    const patience = slowly ? slowlySettledMs : settledMs;
    const strict = health(node.name).issuingFor(sentAt) >= patience &&
      sentAt - pod.since >= 30_000 && sentAt - expected.since >= 30_000;
    const right = isRight(expected.what, status, issued?.what);
    if (right) this.#served.add(pod.uid);
    if (!strict) return;
    this.counts.strict++;
    if (!right) {
      const got = issued?.what ?? String(status);
      this.add("not-served", `${pod.name} on ${node.name} got ${got} instead of ${expected.what}`);
    }
    if (issued === undefined) return;
    const left = (issued.expiresAt - now()) / 1000;
    if (left < durationSeconds / 2 - clocksMs / 1000) {
      this.add("renewed-late", `${pod.name} on ${node.name} got credentials with ${left} s left`);
    }
  }
}

function isRight(expected: string, status: number, what: string | undefined): boolean {
  if (expected === "gone") return status !== 200;
  if (expected === "none") return status === 404;
  if (expected === "denied") return status === 403;
  return what === expected;
}

function keyIn(text: string): string | undefined {
  return /"AccessKeyId"\s*:\s*"([^"]*)"/.exec(text)?.[1];
}

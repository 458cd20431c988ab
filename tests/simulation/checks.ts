/** What must hold at every answer to a pod, and once everything has worked for a while. */
import type { ConnectionEnds } from "../../src/net/http_messages.ts";
import type { ClusterTruth } from "./cluster_truth.ts";
import { type Health, settledMs } from "./health.ts";
import type { Machine, Process } from "./virtual_clock.ts";
import type { PodAnswer } from "./pod_requests.ts";
import { isRunning, type SimulatedNode } from "./simulated_node.ts";
import type { Issued, SimulatedSts } from "./simulated_sts.ts";
import { isLeak } from "./trace.ts";

/** The name of what was violated stays the same while a history shrinks. */
export interface Violation {
  readonly rule:
    | "another-pods-credentials"
    | "withdrawn"
    | "expired"
    | "forged"
    | "node-credentials"
    | "unanswered"
    | "without-session"
    | "session-refused"
    | "not-served"
    | "not-kept"
    | "renewed-late"
    | "not-connected"
    | "not-left"
    | "says-fresh"
    | "not-fresh"
    | "certificate"
    | "sts-limits"
    | "left-without"
    | "wrong-reason"
    | "wrong-report"
    | "left-over"
    | "not-ready"
    | "leaked"
    | "busy";
  readonly text: string;
}

/** STS's clock may be ahead by two seconds, a node's may drift as far, and answers take a moment. */
export const clocksMs = 5_000;
/**
 * A refused role is tried again after five minutes at most, and credentials that came while a node's
 * clock was ahead are renewed after less than half of their life.
 */
export const slowlySettledMs = 430_000;

/**
 * `--disconnected-grace`, and 5 s by which a watch may lag without counting against it; and the API
 * server itself may show watches what was 8 s before.
 */
const graceMs = 45_000;
/** The grace at least: less the time between two pings. */
const leastGraceMs = 20_000;
/**
 * A server whose view is behind the agent's by 15 s at most may be followed, and a watch may be late
 * without showing it.
 */
const behindMs = 35_000;
/** The kubelet has reported a pod's address by then. */
const reportedMs = 2_000;

/** A connection isn't open for longer; one whose proof failed stays without it. */
const connectionMs = 15_000;

/** A call of STS fails after 10 s at the latest and is tried again within 30 s; then it has its turn. */
const triedAgainMs = 75_000;

/** As documented, and what clocks that drift add. */
const sessionTokenMs = 101;

/** Of a refusal, in the trace. */
const shownText = 100;

interface ChecksOptions {
  readonly truth: ClusterTruth;
  readonly sts: SimulatedSts;
  readonly health: (node: string) => Health;
  readonly time: () => number;
  readonly now: () => number;
  /** When the clock of the node or of a server was last ahead. */
  readonly clockAheadAt: (node: SimulatedNode) => number;
  /** When the certificate's Secret or ConfigMap was last removed. */
  readonly removedAt: () => number;
  /** The API hides no deletion, and every server says how old a ping is. */
  readonly showsAges: boolean;
}

/** The last credentials that a pod got, and the agent that gave them. */
interface Kept {
  readonly issued: Issued;
  readonly agent: Process;
  readonly at: number;
  /** Up to when everything had been seen by whichever servers that agent follows later. */
  readonly seenUpTo: number;
}

export class Checks {
  readonly #options: ChecksOptions;
  readonly violations: Violation[] = [];
  /** Pods that have been answered as they should since `expectAll`. */
  readonly #served = new Set<string>();
  readonly #kept = new Map<string, Kept>();
  /** By end: the connection that is refused because one from before couldn't be looked for. */
  readonly #doubtful = new Map<string, ConnectionEnds | null>();
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
    if (status !== 200 && isLeak(text)) this.add("leaked", `${answer.pod.name} got: ${text}`);
    this.#promptness(answer);
    this.#session(answer, issued);
    if (!this.#isDoubtful(answer)) {
      this.#liveness(answer, issued);
      this.#keeping(answer, issued);
    }
    const said = issued === undefined ? text.trim().slice(0, shownText) : `${key} ${issued.what}`;
    return `${status} ${said}`;
  }

  #credentials(answer: PodAnswer, key: string): Issued | undefined {
    const { pod, node, forged } = answer;
    const { truth, sts, time, now } = this.#options;
    const issued = sts.ledger.get(key);
    this.counts.credentials++;
    if (issued === undefined) {
      this.add("another-pods-credentials", `${pod.name} got ${key}, which STS never issued`);
      return undefined;
    }
    const where = `${pod.name} (${pod.namespace}) on ${node.name} got ${issued.what}`;
    if (isFromHost(answer)) {
      this.add(
        "another-pods-credentials",
        `${where} by the metadata service, on the host's network`,
      );
    } else if (!truth.since(pod.uid, -Infinity).has(issued.what)) {
      this.add(forged ? "forged" : "another-pods-credentials", `${where}, never its own`);
    } else if (!truth.since(pod.uid, this.#certainFrom(answer)).has(issued.what)) {
      const last = truth.now(pod.uid)!;
      const seconds = ((time() - last.since) / 1000).toFixed(1);
      this.add("withdrawn", `${where}; for ${seconds} s it has been: ${last.what}`);
    }
    const left = issued.expiresAt - now();
    if (left < -clocksMs) this.add("expired", `${where}, expired ${-left / 1000} s ago`);
    return issued;
  }

  /** What was before and has changed by then must not be answered any more. */
  #certainFrom({ pod, node }: PodAnswer): number {
    const { health, time, showsAges } = this.#options;
    const confirmed = health(node.name).confirmedUpTo(time());
    // Unless the kernel or the runtime shows that the pod runs, nothing rests on older knowledge.
    const unproven = node.identity === "address" || showsAges && pod.process === null;
    return unproven ? Math.max(confirmed, time() - graceMs) : confirmed;
  }

  /** An agent that runs answers before SDKs give up, whatever it waits for, and gives tokens at once. */
  #promptness({ pod, node, agent, status, sentAt, tokenMs }: PodAnswer): void {
    if (agent.ranSince > sentAt) return;
    if (tokenMs > sessionTokenMs) {
      this.add(
        "unanswered",
        `${pod.name} on ${node.name} got its session token after ${tokenMs} ms`,
      );
    } else if (status === 0) this.add("unanswered", `${pod.name} on ${node.name} got no answer`);
  }

  /** Session tokens are good until they end, and needed where the namespace requires them. */
  #session(answer: PodAnswer, issued: Issued | undefined): void {
    const { pod, node, agent, byToken, hasSession, refused } = answer;
    const { truth } = this.#options;
    const where = `${pod.name} (${pod.namespace}) on ${node.name}`;
    const allowed = truth.requiresSession(pod.namespace, this.#certainFrom(answer));
    if (issued !== undefined && !byToken && !hasSession && !allowed.has(false)) {
      this.add("without-session", `${where} got ${issued.what} without a session token`);
    }
    if (refused === null || !refused.accepted || refused.agent !== agent) return;
    if (node.machine.setAt >= refused.issuedAt) return;
    this.add("session-refused", `${where}: its session token from ${refused.issuedAt} ms`);
  }

  /**
   * A pod that got credentials gets them until they expire, whatever fails, as long as the kernel or
   * the runtime shows that it runs; by address, for the grace.
   */
  #keeping(
    { pod, node, byToken, hasSession, forged, agent, status }: PodAnswer,
    issued: Issued | undefined,
  ): void {
    const { truth, sts, time, now, clockAheadAt, health } = this.#options;
    if (forged || byToken) return;
    const kept = this.#kept.get(pod.uid);
    const known = health(node.name);
    if (issued !== undefined) {
      const seenUpTo = known.seenUpTo(time()) - behindMs;
      this.#kept.set(pod.uid, { issued, agent, at: time(), seenUpTo });
      return;
    }
    // A client that had no answer shows nothing: it or the agent may have been stopped.
    if (kept === undefined || kept.agent !== agent || !isRunning(pod) || status === 0) return;
    // A role that STS refuses since then is refused by a server that never had its credentials.
    const { what } = kept.issued;
    const shortenedAt = Math.max(sts.refusedAt(what), clockAheadAt(node));
    if (shortenedAt >= kept.at - slowlySettledMs || isWrong(node.machine)) return;
    // A server that is a little behind gives up what the pod hasn't been all the time.
    const certain = Math.max(known.confirmedUpTo(time()), known.seenUpTo(time()) - behindMs);
    const from = Math.max(kept.seenUpTo, Math.min(kept.issued.issuedAt, certain));
    // Only the kernel shows a pod at an address that the API doesn't know yet.
    if (node.identity !== "kernel" && pod.since > from - reportedMs) return;
    const unconfirmedMs = time() - known.confirmedUpTo(time());
    if (node.identity === "address" && unconfirmedMs > leastGraceMs) return;
    if (truth.steady(pod.uid, from) !== what || truth.now(pod.uid)!.what !== what) return;
    const needsSession = truth.requiresSession(pod.namespace, from).has(true);
    if (needsSession && !hasSession) return;
    const left = kept.issued.expiresAt - now();
    if (left < clocksMs) return;
    this.add("not-kept", `${pod.name} on ${node.name} got ${status}, ${left / 1000} s too early`);
  }

  /**
   * A connection that couldn't be looked for has no proof, and the next one from the same port is taken
   * for it, once: an SDK opens another one, and a kernel hardly ever gives the same port.
   */
  #isDoubtful({ node, connection, byToken, sentAt }: PodAnswer): boolean {
    if (byToken) return false;
    const end = `${connection.peer} ${connection.peerPort}`;
    const isBlind = sentAt - node.blindAt < connectionMs;
    if (isBlind) this.#doubtful.set(end, null);
    const refused = this.#doubtful.get(end);
    if (refused === null && !isBlind) this.#doubtful.set(end, connection);
    return refused === null || refused === connection;
  }

  /** When something was last wrong after which {@link slowlySettledMs} holds. */
  #slowSince(node: SimulatedNode, what: string): number {
    const { sts, clockAheadAt, removedAt } = this.#options;
    return Math.max(sts.refusedAt(what), clockAheadAt(node), removedAt());
  }

  /**
   * With everything working, each request of a pod gets what the API says; with all servers but one
   * working, what it has said for longer.
   */
  #liveness(answer: PodAnswer, issued: Issued | undefined): void {
    const { pod, node, forged, status, text, sentAt } = answer;
    const { truth, health, time, now } = this.#options;
    const expected = truth.now(pod.uid);
    if (forged || expected === undefined || !isRunning(pod) || isFromHost(answer)) return;
    const slowly = time() - this.#slowSince(node, expected.what) < slowlySettledMs + settledMs;
    const patience = slowly ? slowlySettledMs : settledMs;
    const settled = sentAt - Math.max(pod.since, expected.since);
    const since = health(node.name);
    const issuedMs = slowly ? patience : triedAgainMs;
    const works = since.allFor(sentAt) >= patience && since.issuersFor(sentAt) >= issuedMs;
    const strict = works && settled >= 30_000 ||
      since.servedFor(sentAt) >= patience && settled >= since.leftMs;
    const needsSession = truth.requiresSession(pod.namespace, time()).has(true);
    const right = needsSession && !answer.byToken && !answer.hasSession
      ? status === 401 || expected.what === "ending"
      : isRight(expected.what, { status, text }, issued?.what);
    if (right) this.#served.add(pod.uid);
    if (!strict) return;
    this.counts.strict++;
    if (!right) {
      const got = issued?.what ?? String(status);
      this.add("not-served", `${pod.name} on ${node.name} got ${got} instead of ${expected.what}`);
    }
    if (issued === undefined) return;
    const left = (issued.expiresAt - now()) / 1000;
    if (left < issued.seconds / 2 - clocksMs / 1000) {
      this.add("renewed-late", `${pod.name} on ${node.name} got credentials with ${left} s left`);
    }
  }
}

/** What a refusal's text says, by its reason. */
const reasons: Readonly<Record<string, RegExp>> = {
  RoleReserved: /is a role that the server itself runs as/,
  PermittedEmpty: /permitted is empty/,
  NotPermitted: /permitted .+ does not match/,
  AssumeWithConflict: /can't be sent with a ServiceAccount's token/,
};

/** Sent from the host network to the metadata service, so it gets no credentials. */
function isFromHost({ pod, byToken }: PodAnswer): boolean {
  return pod.network === "host-network" && !byToken;
}

type Answered = Pick<PodAnswer, "status" | "text">;

function isWrong({ offsetMs }: Machine): boolean {
  return Math.abs(offsetMs) > clocksMs;
}

function isRight(expected: string, { status, text }: Answered, what: string | undefined): boolean {
  if (expected === "ending") return true;
  if (expected === "gone") return status !== 200;
  if (expected === "none") return status === 404;
  const [, reason] = expected.split("denied:");
  return reason === undefined ? what === expected : status === 403 && reasons[reason]!.test(text);
}

function keyIn(text: string): string | undefined {
  return /"AccessKeyId"\s*:\s*"([^"]*)"/.exec(text)?.[1];
}

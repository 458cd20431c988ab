/**
 * Which pod the request comes from, and whether its session token is valid: what every answer about
 * a pod needs first. The pod is the one at the TCP peer's address; no header has any influence.
 */
import type { Answer, Incoming } from "../../net/http_messages.ts";
import type { RequestContext } from "../http/front.ts";
import type { AssignedPod, CallerLookup, Clock, FindCaller } from "../ports.ts";
import type { SessionTokens } from "./imdsv2_token.ts";
import { type Refusal, refuse } from "./refusals.ts";

/** Most SDKs give a request one second and one try; the answer has to be on its way before. */
const answerMs = 900;

export interface Caller {
  readonly pod: AssignedPod;
  /** What is left of the request's session token; undefined without one. */
  readonly tokenSeconds: number | undefined;
}

export interface CallerOptions {
  readonly pods: FindCaller;
  readonly tokens: SessionTokens;
  readonly clock: Clock;
  /** `--imdsv2=required`. */
  readonly tokenRequired: boolean;
  /** Called with how long a request waited for its pod, in milliseconds. */
  readonly waited?: (ms: number) => void;
  /** Called for each request of a pod without a session token, by UID. */
  readonly withoutToken?: (uid: string) => void;
}

/** How a caller that isn't identified is refused. */
export const unidentified = {
  unknown: "pod_unknown",
  stale: "pod_unconfirmed",
  conflict: "pod_conflict",
  unproven: "pod_unproven",
  unavailable: "runtime_unavailable",
  mismatch: "pod_mismatch",
} as const satisfies Record<Exclude<CallerLookup["kind"], "pod">, Refusal>;

/**
 * What is wrong with the request's session token on any path, as far as it shows without waiting for
 * its pod. Fluent Bit requests `/` with a token that it knows to be invalid, and takes
 * only a 401 to mean IMDSv2.
 */
export function checkToken(
  { pods, tokens, clock }: CallerOptions,
  incoming: Incoming,
): Refusal | undefined {
  const token = tokenOf(incoming);
  if (token === undefined) return undefined;
  if (incoming.header("x-forwarded-for") !== undefined) return "forwarded";
  const lastKnown = () => pods.lastKnown(incoming.connection);
  return tokens.isInvalid(token, incoming.peer, lastKnown, clock.now())
    ? "token_refused"
    : undefined;
}

/** An empty one is none. */
function tokenOf(incoming: Incoming): string | undefined {
  return incoming.header("x-aws-ec2-metadata-token") || undefined;
}

/**
 * Answers with `make` for the request's pod, or refuses. If the pod isn't known yet, or `awaits` says
 * that it isn't complete, the request waits, up to 0.9 s after it has arrived; what is known is answered
 * immediately.
 */
export function forCaller(
  options: CallerOptions,
  { incoming, startedAt }: Pick<RequestContext, "incoming" | "startedAt">,
  awaits: (pod: AssignedPod) => boolean,
  make: (caller: Caller) => Answer,
): Answer {
  const token = tokenOf(incoming);
  if (token === undefined && options.tokenRequired) return refuse("token_missing");
  const conclude = (found: CallerLookup): Answer => {
    if (found.kind !== "pod") return refuse(unidentified[found.kind]);
    if (token === undefined) options.withoutToken?.(found.pod.uid);
    const session = checkSession(options, found.pod, incoming.peer, token);
    return typeof session === "string"
      ? refuse(session)
      : make({ pod: found.pod, tokenSeconds: session.left });
  };
  const found = options.pods.find(incoming.connection);
  if (found.kind === "pod" && !awaits(found.pod)) return conclude(found);
  const from = options.clock.monotonic();
  const left = answerMs - (from - startedAt);
  return options.pods.waitFor(incoming.connection, left, incoming.signal).then((late) => {
    options.waited?.(options.clock.monotonic() - from);
    return conclude(late);
  });
}

function checkSession(
  { tokens, clock }: CallerOptions,
  pod: AssignedPod,
  peer: string,
  token: string | undefined,
): Refusal | { readonly left: number | undefined } {
  const now = clock.now();
  tokens.confirmed(peer, pod.uid, now);
  if (token === undefined) return pod.imdsv2Required ? "token_missing" : { left: undefined };
  const left = tokens.secondsLeft(token, peer, pod.uid, now);
  return left === undefined ? "token_refused" : { left };
}

/**
 * `GET /v1/credentials`, for pods whose SDK is told `AWS_CONTAINER_CREDENTIALS_FULL_URI`. Who asks
 * is told by the pod's own token, never by an address, so pods on the node's network are answered
 * as well. Where this listens stands in `credentials_doors.ts`.
 */
import { canonicalAddress } from "../../net/ip_address.ts";
import type { FrontRequest, Reply } from "../imds/request_context.ts";
import { canonicalPath } from "../imds/canonical_path.ts";
import type { AssignedPod, Clock, PodLookup, PodsByUid } from "../ports.ts";
import { RateLimit } from "../../time/rate_limit.ts";
import type { MarkRefusal } from "../imds/refused_requests.ts";
import { json, type Refusal, refuse } from "./refusals.ts";
import type { TokenVerdict } from "./token_pods.ts";

/** SDKs give a request one or two seconds; check and wait together stay below. */
const answerMs = 900;
/** The label of its metrics. */
const handler = "container_credentials";

export interface CredentialsFrontOptions {
  readonly pods: PodsByUid;
  /** Whose pod a token is; settles within a second and never rejects. */
  readonly podOfToken: (token: string, peer: string) => Promise<TokenVerdict>;
  readonly clock: Clock;
  /** The addresses listened on; a Host must be one of them. */
  readonly addresses: readonly { readonly host: string }[];
  /** `--pod-rate`: requests a second of one address, 0 without limit. */
  readonly podRate: number;
  /** Told of each answer when its status is known; `ms` since the request's arrival. */
  readonly answered?: (handler: string, status: number, ms: number) => void;
  /** Marks the answer to a refused request, and tells of it. */
  readonly refused?: MarkRefusal;
  /** Told how long a request waited for its pod or its credentials, in milliseconds. */
  readonly waited?: (ms: number) => void;
}

/** Fits the listener's `Handler`. Doesn't throw. */
export function createCredentialsFront(
  options: CredentialsFrontOptions,
): (incoming: FrontRequest) => Promise<Reply> {
  const rate = new RateLimit({ perSecond: options.podRate });
  const hostIsOurs = hostCheck(options.addresses);
  return async (incoming) => {
    const startedAt = options.clock.monotonic();
    const refusal = rate.admits(incoming.peer, startedAt)
      ? refusalOf(incoming, hostIsOurs)
      : "flooded";
    const reply = refusal === undefined
      ? await give(options, incoming, startedAt)
      : refuse(refusal);
    options.answered?.(handler, reply.status, options.clock.monotonic() - startedAt);
    return options.refused?.({ incoming }, handler, reply) ?? reply;
  };
}

/** What is wrong with a request before anyone asks who sent it. */
function refusalOf(
  incoming: FrontRequest,
  hostIsOurs: (values: readonly string[]) => boolean,
): Refusal | undefined {
  if (!hostIsOurs(incoming.headerValues("host"))) return "host_refused";
  const path = canonicalPath(incoming.target);
  if (path === undefined) return "target_malformed";
  if (path !== "/v1/credentials") return "not_found";
  if (incoming.method !== "GET" && incoming.method !== "HEAD") return "method";
  return tokenOf(incoming) === "" ? "token_missing" : undefined;
}

/** SDKs send the token file's content as it is, without a scheme. */
function tokenOf(incoming: FrontRequest): string {
  return incoming.header("authorization")?.trim() ?? "";
}

/**
 * Whether a Host is one of the addresses, with or without a port. A page in some pod's browser can
 * make a name of its own resolve here (DNS rebinding); it can't choose another Host.
 */
function hostCheck(
  addresses: CredentialsFrontOptions["addresses"],
): (values: readonly string[]) => boolean {
  const own = new Set(addresses.map(({ host }) => host));
  return ([host, ...others]) => {
    const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([0-9.]+))(?::\d{1,5})?$/.exec(host ?? "");
    if (match === null || others.length > 0) return false;
    const named = canonicalAddress(match[1] ?? match[2] ?? "");
    return named !== undefined && own.has(named);
  };
}

const unsettled = {
  unknown: "pod_unknown",
  conflict: "pod_unknown",
  stale: "pod_unconfirmed",
} as const satisfies Record<Exclude<PodLookup["kind"], "pod">, Refusal>;

async function give(
  options: CredentialsFrontOptions,
  incoming: FrontRequest,
  startedAt: number,
): Promise<Reply> {
  const verdict = await options.podOfToken(tokenOf(incoming), incoming.peer);
  if (verdict.kind === "refused") return refuse("token_refused");
  if (verdict.kind === "flooded") return refuse("flooded");
  if (verdict.kind === "unchecked") return refuse("token_unchecked");
  const found = await waitFor(options, verdict.uid, incoming.signal, startedAt);
  return found.kind === "pod" ? answerFor(found.pod) : refuse(unsettled[found.kind]);
}

/** What is known goes at once; else the request waits for what is left of its time. */
async function waitFor(
  { pods, clock, waited }: CredentialsFrontOptions,
  uid: string,
  signal: AbortSignal,
  startedAt: number,
): Promise<PodLookup> {
  const found = pods.findUid(uid);
  if (found.kind === "pod" && found.pod.outcome.kind !== "pending") return found;
  const from = clock.monotonic();
  const late = await pods.waitForUid(uid, answerMs - (from - startedAt), signal);
  waited?.(clock.monotonic() - from);
  return late;
}

function answerFor({ outcome }: AssignedPod): Reply {
  if (outcome.kind === "none") return refuse("no_role");
  if (outcome.kind === "denied") return refuse("denied", outcome);
  if (outcome.kind === "pending") return refuse("credentials_pending");
  return { status: 200, headers: [json], body: outcome.role.containerDocument };
}

/**
 * `GET /v1/credentials`, for pods whose SDK has `AWS_CONTAINER_CREDENTIALS_FULL_URI`. The pod's own
 * token identifies it, never an address, so pods on the node's network are served as well.
 */
import { createFront, type Front, type FrontReports, type RequestContext } from "../http/front.ts";
import { createHostCheck } from "../http/host_check.ts";
import type { Incoming, Reply } from "../../net/http_messages.ts";
import type { AssignedPod, Clock, PodLookup, PodsByUid } from "../ports.ts";
import { json, type Refusal, refuse } from "./refusals.ts";
import type { TokenVerdict } from "./token_pods.ts";

/** SDKs give a request one or two seconds; check and wait together stay below. */
const answerMs = 900;
/** The label of its metrics. */
const name = "container_credentials";

interface CredentialsFrontOptions extends FrontReports<typeof name> {
  readonly pods: PodsByUid;
  /** Which pod a token belongs to; settles within a second and never rejects. */
  readonly podOfToken: (token: string, peer: string) => Promise<TokenVerdict>;
  readonly clock: Clock;
  /** The addresses listened on; a Host must be one of them. */
  readonly addresses: readonly { readonly host: string }[];
  /** `--pod-rate`: requests a second of one address, 0 without limit. */
  readonly podRate: number;
  /** Called with how long a request waited for its pod or its credentials, in milliseconds. */
  readonly waited?: (ms: number) => void;
}

export function createCredentialsFront(options: CredentialsFrontOptions): Front {
  const methods = ["GET", "HEAD"];
  const credentials = (context: RequestContext) => give(options, context);
  const notFound = () => refuse("not_found");
  return createFront({
    ...options,
    routes: [
      { name, pattern: "/v1/credentials", methods, handler: credentials },
      { name, pattern: "/*", methods: "any", handler: notFound },
    ],
    unrouted: name,
    strict: true,
    hostProblem: createHostCheck({
      names: options.addresses.map(({ host }) => host),
      ownAddresses: false,
      remedy: "see --container-credentials",
    }),
    refuse,
  });
}

/** SDKs send the token file's content as it is, without a scheme. */
function tokenOf(incoming: Incoming): string {
  return incoming.header("authorization")?.trim() ?? "";
}

const unidentified = {
  unknown: "pod_unknown",
  conflict: "pod_unknown",
  stale: "pod_unconfirmed",
} as const satisfies Record<Exclude<PodLookup["kind"], "pod">, Refusal>;

async function give(options: CredentialsFrontOptions, context: RequestContext): Promise<Reply> {
  const { incoming } = context;
  const token = tokenOf(incoming);
  if (token === "") return refuse("token_missing");
  const verdict = await options.podOfToken(token, incoming.peer);
  if (verdict.kind === "refused") return refuse("token_refused");
  if (verdict.kind === "flooded") return refuse("flooded");
  if (verdict.kind === "unchecked") return refuse("token_unchecked");
  const found = await waitFor(options, verdict.uid, context);
  return found.kind === "pod" ? answerFor(found.pod) : refuse(unidentified[found.kind]);
}

/** What is known is answered immediately; otherwise the request waits for the rest of its time. */
async function waitFor(
  { pods, clock, waited }: CredentialsFrontOptions,
  uid: string,
  { incoming, startedAt }: RequestContext,
): Promise<PodLookup> {
  const found = pods.findUid(uid);
  if (found.kind === "pod" && found.pod.outcome.kind !== "pending") return found;
  const from = clock.monotonic();
  const late = await pods.waitForUid(uid, answerMs - (from - startedAt), incoming.signal);
  waited?.(clock.monotonic() - from);
  return late;
}

function answerFor({ outcome }: AssignedPod): Reply {
  if (outcome.kind === "none") return refuse("no_role");
  if (outcome.kind === "denied") return refuse("denied", outcome.message, outcome.reason);
  if (outcome.kind === "pending") return refuse("credentials_pending");
  return { status: 200, headers: [json], body: outcome.role.containerDocument };
}

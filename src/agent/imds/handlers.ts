/** What the front answers at each of its paths; `routes.ts` says which path that is. */
import { CachedDocuments } from "../documents/cached_documents.ts";
import { infoDocument } from "../documents/credentials_documents.ts";
import type { RequestContext } from "../http/front.ts";
import type { Answer, Incoming, Reply } from "../../net/http_messages.ts";
import type { AssignedPod, ReadyRole, Upstream } from "../ports.ts";
import { type Caller, type CallerOptions, forCaller } from "./caller.ts";
import { parseTtl } from "./imdsv2_token.ts";
import { passThrough } from "./passthrough.ts";
import type { PassthroughRule } from "./passthrough_rule.ts";
import { refuse, server, textPlain } from "./refusals.ts";

interface HandlersOptions extends CallerOptions {
  readonly upstream: Upstream;
  readonly passthrough: PassthroughRule;
}

export type ImdsHandlers = ReturnType<typeof createHandlers>;

const ttlHeader = "X-Aws-Ec2-Metadata-Token-Ttl-Seconds";
const plainHeaders = [server, textPlain];

export function createHandlers(options: HandlersOptions) {
  const documents = new CachedDocuments();
  return {
    token: ({ incoming }: RequestContext): Reply => issueToken(options, incoming),
    roleList: (context: RequestContext): Answer => forCaller(options, context, isPending, listRole),
    credentials: (context: RequestContext): Answer =>
      forCaller(options, context, isPending, (caller) => {
        return giveCredentials(caller, context.params["role"]!);
      }),
    info: (context: RequestContext): Answer => forCaller(options, context, isPending, giveInfo),
    passthrough: (context: RequestContext): Answer =>
      options.passthrough(context.path)
        ? forCaller(options, context, () => false, ({ tokenSeconds }) => {
          const answer = fetchDocument(options, documents, context);
          return answer instanceof Promise
            ? answer.then((reply) => withTtl(reply, tokenSeconds))
            : withTtl(answer, tokenSeconds);
        })
        : refuse("not_found"),
    notFound: (): Reply => refuse("not_found"),
  };
}

/**
 * Answered immediately and without the server: SDKs take any refusal of a well-formed request here
 * to mean that there is no IMDSv2, and remember it.
 */
function issueToken(
  { pods, tokens, clock }: CallerOptions,
  incoming: Incoming,
): Reply {
  if (incoming.method !== "PUT") return refuse("token_method");
  if (incoming.header("x-forwarded-for") !== undefined) return refuse("forwarded");
  const ttl = parseTtl(incoming.header("x-aws-ec2-metadata-token-ttl-seconds"));
  if (ttl === undefined) return refuse("ttl_malformed");
  const { peer, connection } = incoming;
  const uid = pods.lastKnown(connection);
  const headers = [server, textPlain, [ttlHeader, String(ttl)] as const];
  return { status: 200, headers, body: tokens.issue(peer, uid, ttl, clock.now()) };
}

function isPending(pod: AssignedPod): boolean {
  return pod.outcome.kind === "pending";
}

/** The name is known before the credentials are, and a client that lists it requests them next. */
function listRole({ pod, tokenSeconds }: Caller): Reply {
  const { outcome } = pod;
  if (outcome.kind === "none") return refuse("no_role");
  if (outcome.kind === "denied") return refuse("denied", outcome.message);
  return give(outcome.kind === "ready" ? outcome.role.name : outcome.name, tokenSeconds);
}

function giveCredentials({ pod, tokenSeconds }: Caller, requested: string): Reply {
  const role = readyRole(pod);
  if ("status" in role) return role;
  return isNameOf(role, requested) ? give(role.document, tokenSeconds) : refuse("other_role");
}

function giveInfo({ pod, tokenSeconds }: Caller): Reply {
  const role = readyRole(pod);
  return "status" in role ? role : give(infoDocument(role), tokenSeconds);
}

function readyRole({ outcome }: AssignedPod): ReadyRole | Reply {
  if (outcome.kind === "ready") return outcome.role;
  if (outcome.kind === "none") return refuse("no_role");
  if (outcome.kind === "denied") return refuse("denied", outcome.message);
  return refuse("credentials_pending");
}

/**
 * By equality alone: the name listed, the annotation's text, path and name, or the ARN. A canonical
 * path has no two slashes in a row, though a role's path may, and none at its end.
 */
function isNameOf(role: ReadyRole, requested: string): boolean {
  if ([role.name, role.arn, role.requested].includes(requested)) return true;
  const pathAndName = role.arn.slice(role.arn.indexOf(":role/") + ":role/".length);
  const spellings = [role.requested.replace(/^\//, ""), role.requested, role.arn, pathAndName];
  return spellings.some((spelling) => requested === spelling.replace(/\/{2,}/g, "/"));
}

function give(body: string | Uint8Array, tokenSeconds: number | undefined): Reply {
  const headers = tokenSeconds === undefined
    ? plainHeaders
    : [...plainHeaders, [ttlHeader, String(tokenSeconds)] as const];
  return { status: 200, headers, body };
}

/** From the cache, or from the real service. */
function fetchDocument(
  { upstream }: HandlersOptions,
  documents: CachedDocuments,
  { incoming, path }: RequestContext,
): Answer {
  const cached = documents.find(incoming, path);
  if (cached !== undefined) return cached;
  return passThrough(upstream, incoming, path).then((reply) => {
    documents.add(incoming, path, reply);
    return reply;
  });
}

/** Our own refusals, which are text, have nothing to do with the session. */
function withTtl(reply: Reply, seconds: number | undefined): Reply {
  if (seconds === undefined || typeof reply.body === "string") return reply;
  return { ...reply, headers: [...reply.headers, [ttlHeader, String(seconds)]] };
}

/**
 * What the front answers at each of its own paths. Which path that is stands in `app.ts`; who asks
 * is found out by `caller.ts`.
 */
import type { Ask, Reply } from "./request_context.ts";
import { type Caller, type CallerOptions, forCaller } from "./caller.ts";
import { infoDocument } from "../documents/imds_documents.ts";
import { parseTtl } from "./imdsv2_token.ts";
import { CachedDocuments } from "../documents/cached_documents.ts";
import { passOn } from "./passthrough.ts";
import { isCredentialTree, type PassthroughRule } from "./passthrough_rule.ts";
import type { AssignedPod, ReadyRole, Upstream } from "../ports.ts";
import { refuse, server, textPlain } from "./refusals.ts";

export interface AnswersOptions extends CallerOptions {
  readonly upstream: Upstream;
  readonly passthrough: PassthroughRule;
}

export type Answer = Reply | Response | Promise<Reply | Response>;

export interface Answers {
  token(ask: Ask): Reply;
  roleList(ask: Ask): Answer;
  credentials(ask: Ask, role: string): Answer;
  info(ask: Ask): Answer;
  passthrough(ask: Ask): Answer;
}

const ttlHeader = "X-Aws-Ec2-Metadata-Token-Ttl-Seconds";
const plainHeaders = [server, textPlain];

export function createAnswers(options: AnswersOptions): Answers {
  const lasting = new CachedDocuments();
  return {
    token: (ask) => issueToken(options, ask),
    roleList: (ask) => forCaller(options, ask, isPending, listRole),
    credentials: (ask, role) =>
      forCaller(options, ask, isPending, (caller) => giveCredentials(caller, role)),
    info: (ask) => forCaller(options, ask, isPending, giveInfo),
    passthrough(ask) {
      if (isCredentialTree(ask.path) || !options.passthrough(ask.path)) return refuse("not_found");
      return forCaller(
        options,
        ask,
        () => false,
        (caller) => forward({ options, lasting }, ask, caller),
      );
    },
  };
}

/**
 * Answered at once and without a word from the server: SDKs take any refusal of a well-formed
 * request here to mean that there is no IMDSv2, and remember it.
 */
function issueToken({ pods, tokens, clock }: AnswersOptions, { incoming }: Ask): Reply {
  if (incoming.method !== "PUT") return refuse("token_method");
  if (incoming.header("x-forwarded-for") !== undefined) return refuse("forwarded");
  const ttl = parseTtl(incoming.header("x-aws-ec2-metadata-token-ttl-seconds"));
  if (ttl === undefined) return refuse("ttl_malformed");
  const { peer } = incoming;
  const uid = pods.lastKnown(peer);
  const headers = [server, textPlain, [ttlHeader, String(ttl)] as const];
  return { status: 200, headers, body: tokens.issue(peer, uid, ttl, clock.now()) };
}

function isPending(pod: AssignedPod): boolean {
  return pod.outcome.kind === "pending";
}

/** The name is known before the credentials are; whoever lists it then waits for them next. */
function listRole({ pod, tokenSeconds }: Caller): Reply {
  const { outcome } = pod;
  if (outcome.kind === "none") return refuse("no_role");
  if (outcome.kind === "denied") return refuse("denied", outcome.message);
  return give(outcome.kind === "ready" ? outcome.role.name : outcome.name, tokenSeconds);
}

function giveCredentials({ pod, tokenSeconds }: Caller, asked: string): Reply {
  const role = readyRole(pod);
  if ("status" in role) return role;
  return isNameOf(role, asked) ? give(role.document, tokenSeconds) : refuse("other_role");
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
function isNameOf(role: ReadyRole, asked: string): boolean {
  if (asked === role.name || asked === role.arn || asked === role.requested) return true;
  const pathAndName = role.arn.slice(role.arn.indexOf(":role/") + ":role/".length);
  const spellings = [role.requested.replace(/^\//, ""), role.requested, role.arn, pathAndName];
  return spellings.some((spelling) => asked === spelling.replace(/\/{2,}/g, "/"));
}

function give(body: string | Uint8Array, tokenSeconds: number | undefined): Reply {
  const headers = tokenSeconds === undefined
    ? plainHeaders
    : [...plainHeaders, [ttlHeader, String(tokenSeconds)] as const];
  return { status: 200, headers, body };
}

function forward({ options, lasting }: Passing, ask: Ask, caller: Caller): Answer {
  const { incoming, path } = ask;
  const kept = lasting.find(incoming, path);
  if (kept !== undefined) return withTtl(kept, caller.tokenSeconds);
  return passOn(options.upstream, incoming, path).then((answer) => {
    if (!(answer instanceof Response)) lasting.add(incoming, path, answer);
    return withTtl(answer, caller.tokenSeconds);
  });
}

/** Our own refusals have nothing to do with the session. */
function withTtl<T extends Reply | Response>(answer: T, seconds: number | undefined): Reply | T {
  if (seconds === undefined) return answer;
  if (answer instanceof Response) {
    answer.headers.set(ttlHeader, String(seconds));
    return answer;
  }
  if (typeof answer.body === "string") return answer;
  return { ...answer, headers: [...answer.headers, [ttlHeader, String(seconds)]] };
}

interface Passing {
  readonly options: AnswersOptions;
  readonly lasting: CachedDocuments;
}

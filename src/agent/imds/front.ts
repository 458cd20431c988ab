/**
 * The metadata front's door: one rate for each peer, a Host that names us, one canonical path, then
 * the route. Everything behind it sees that path alone.
 */
import { type Answer, createAnswers } from "./handlers.ts";
import { createApp, shortCut } from "./app.ts";
import type { Ask, FrontRequest, Reply } from "./request_context.ts";
import { canonicalPath } from "./canonical_path.ts";
import { createHostCheck } from "./host_check.ts";
import { SessionTokens } from "./imdsv2_token.ts";
import { isCredentialTree, type PassthroughRule } from "./passthrough_rule.ts";
import type { Clock, PodsByAddress, Upstream } from "../ports.ts";
import { RateLimit } from "../../time/rate_limit.ts";
import { type Refusal, refuse } from "./refusals.ts";
import type { MarkRefusal } from "./refused_requests.ts";
import type { TokenKeys } from "./token_keys.ts";

/** What a request was about; the label of its metrics. */
export type FrontRoute = "token" | "roles" | "info" | "blocked" | "metadata" | "refused";

export interface FrontOptions {
  readonly pods: PodsByAddress;
  readonly upstream: Upstream;
  readonly clock: Clock;
  readonly tokenKeys: TokenKeys;
  /** `--allowed-hosts`, `--host-ip` and `--host-ipv6`: names and addresses. */
  readonly allowedHosts: readonly string[];
  readonly passthrough: PassthroughRule;
  /** `--imdsv2=required`. */
  readonly tokenRequired: boolean;
  /** `--pod-rate`: requests a second, 0 without limit. */
  readonly podRate: number;
  /** Told of each answer when its status is known; `ms` since the request's arrival. */
  readonly answered?: (route: FrontRoute, status: number, ms: number) => void;
  /** Marks the answer to a refused request, and tells of it. */
  readonly refused?: MarkRefusal;
  /** Told how long a request waited for its pod or its credentials, in milliseconds. */
  readonly waited?: (ms: number) => void;
}

/** Fits the listener's `Handler`. Doesn't throw. */
export function createFront(options: FrontOptions): (incoming: FrontRequest) => Answer {
  const answers = createAnswers({ ...options, tokens: new SessionTokens(options.tokenKeys) });
  const app = createApp(answers);
  const hostIsOurs = createHostCheck(options.allowedHosts);
  const rate = new RateLimit({ perSecond: options.podRate });
  const answerTo = (ask: Ask): Answer =>
    shortCut(answers, ask) ?? app.fetch(requestFor(ask), { ask });

  return (incoming) => {
    const startedAt = options.clock.monotonic();
    const ask: Omit<Ask, "path"> = { incoming };
    const report = <T extends Reply | Response>(route: FrontRoute, answer: T): T | Reply => {
      options.answered?.(route, answer.status, options.clock.monotonic() - startedAt);
      return options.refused?.(ask, route, answer) ?? answer;
    };
    const refused = (reason: Refusal) => report("refused", refuse(reason));
    if (!rate.admits(incoming.peer, startedAt)) return refused("flooded");
    const path = hostIsOurs(incoming) ? canonicalPath(incoming.target) : undefined;
    if (path === undefined) return refused("target_malformed");
    const route = routeOf(path);
    const answer = answerTo(Object.assign(ask, { path }));
    return answer instanceof Promise
      ? answer.then((settled) => report(route, settled))
      : report(route, answer);
  };
}

/** The path is canonical, so no URL parser can change it. */
function requestFor({ incoming, path }: Ask): Request {
  return new Request(`http://169.254.169.254${path}`, { method: incoming.method });
}

const ownRoutes = /^\/[^/]+\/(?:(api\/token)|meta-data\/iam\/(?:(security-credentials)|(info)))\/?/;

function routeOf(path: string): FrontRoute {
  const own = ownRoutes.exec(path);
  if (own?.[2] !== undefined) return "roles";
  if (own?.[1] !== undefined) return "token";
  if (own?.[3] !== undefined) return "info";
  return isCredentialTree(path) ? "blocked" : "metadata";
}

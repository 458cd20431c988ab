/**
 * What both fronts have in common: a table of routes over canonical paths, and the checks before any
 * route (the peer's rate, the Host, the path's canonical form). The table is a Hono app; requests off
 * the wire are matched by that app's own router, without web objects.
 */
import { Hono } from "hono";
import { TrieRouter } from "hono/router/trie-router";
import { LRUCache } from "lru-cache";
import type { Clock } from "../../time/clock.ts";
import { RateLimit } from "../../time/rate_limit.ts";
import { canonicalPath } from "./canonical_path.ts";
import type { HostCheck } from "./host_check.ts";
import type { Answer, ConnectionEnds, Incoming, Reply } from "../../net/http_messages.ts";
import type { MarkRefusal } from "./refused_requests.ts";
import { incomingOf, responseOf, type WebEnv } from "./web.ts";

export interface Route<Name extends string> {
  /** The label of its metrics. */
  readonly name: Name;
  /** Hono's pattern, from the slash on. The first route of the table that matches answers. */
  readonly pattern: string;
  /** Others get 405. */
  readonly methods: readonly string[] | "any";
  readonly handler: (context: RequestContext) => Answer;
}

/** A request that has passed the checks before any route. */
export interface RequestContext {
  readonly incoming: Incoming;
  /** Canonical, with at most one slash at its end. */
  readonly path: string;
  /** Of the route's pattern. */
  readonly params: Readonly<Record<string, string>>;
  /** When the request arrived, by the monotonic clock. */
  readonly startedAt: number;
}

/** Why a request is refused before, or for lack of, a route. */
type FrontRefusal = "flooded" | "host_refused" | "path_malformed" | "method";

export interface FrontReports<Name extends string> {
  /** Called for each answer when its status is known; `ms` since the request's arrival. */
  readonly answered?: (route: Name, status: number, ms: number) => void;
  readonly refused?: MarkRefusal;
}

interface FrontOptions<Name extends string> extends FrontReports<Name> {
  /** The last one's pattern is `/*`. */
  readonly routes: readonly Route<Name>[];
  /** The label of requests that are refused before any route. */
  readonly unrouted: Name;
  /** Whether a slash at a path's end makes another path. */
  readonly strict: boolean;
  readonly clock: Clock;
  /** Requests a second and peer, 0 without limit. */
  readonly podRate: number;
  readonly hostProblem: HostCheck;
  /** Matches the paths below which encoded slashes stand for slashes. */
  readonly encodedSlashes?: RegExp;
  /** Settles once the pod behind the connection is known, if that is in progress. */
  readonly identified?: (connection: ConnectionEnds) => Promise<void> | undefined;
  /** Whose requests are limited together; the peer's if undefined. */
  readonly rateKey?: (connection: ConnectionEnds) => string | undefined;
  /** A refusal before the path is evaluated; `route` is undefined if there is no canonical path. */
  readonly authenticate?: (incoming: Incoming, route: Name | undefined) => Reply | undefined;
  /** `line` replaces the usual text. */
  readonly refuse: (reason: FrontRefusal, line?: string) => Reply;
}

export interface Front {
  /** Fits the listener's `Handler`; doesn't throw. */
  readonly answer: (incoming: Incoming) => Answer;
  /** The same for web-standard runtimes: `app.fetch(request, { peer })`. */
  readonly app: Hono<WebEnv>;
}

export function createFront<Name extends string>(options: FrontOptions<Name>): Front {
  const { clock, refuse, unrouted } = options;
  const app = new Hono<WebEnv>({ strict: options.strict, router: new TrieRouter() });
  const match = matcher(options, app);
  const rate = new RateLimit({ perSecond: options.podRate });

  const answer = (incoming: Incoming): Answer => {
    const startedAt = clock.monotonic();
    const identified = options.identified?.(incoming.connection);
    return identified === undefined
      ? reported(incoming, startedAt)
      : identified.then(() => reported(incoming, startedAt));
  };
  const reported = (incoming: Incoming, startedAt: number): Answer => {
    const [name, made] = route(incoming, startedAt);
    const report = (reply: Reply): Reply => {
      options.answered?.(name, reply.status, clock.monotonic() - startedAt);
      return options.refused?.(incoming, name, reply) ?? reply;
    };
    return made instanceof Promise ? made.then(report) : report(made);
  };
  const route = (incoming: Incoming, startedAt: number): [Name, Answer] => {
    const rateKey = options.rateKey?.(incoming.connection) ?? incoming.peer;
    if (!rate.admits(rateKey, startedAt)) return [unrouted, refuse("flooded")];
    const isForProxy = wholeUrl.test(incoming.target);
    // A whole URL names its host itself; the Host header doesn't count beside it (RFC 9112, 3.2.2).
    const problem = isForProxy ? undefined : options.hostProblem(incoming);
    if (problem !== undefined) return [unrouted, refuse("host_refused", problem)];
    const found = match(incoming.target);
    const refused = options.authenticate?.(incoming, found?.route.name);
    if (refused !== undefined) return [found?.route.name ?? unrouted, refused];
    if (found === undefined) {
      return [unrouted, refuse("path_malformed", isForProxy ? noProxy : undefined)];
    }
    const { route: { name, methods, handler }, path, params } = found;
    const allowed = methods === "any" || methods.includes(incoming.method);
    return [name, allowed ? handler({ incoming, path, params, startedAt }) : refuse("method")];
  };

  for (const { pattern } of options.routes) {
    app.all(pattern, async (c) => responseOf(await answer(incomingOf(c)), c.req.method));
  }
  return { answer, app };
}

const wholeUrl = /^[a-z][a-z0-9+.-]*:/i;
const noProxy =
  "the request's target is a whole URL, but this is no proxy; exempt this address by no_proxy";

interface Match<Name extends string> extends Pick<RequestContext, "path" | "params"> {
  readonly route: Route<Name>;
}

/** Of all targets in the cache. Clients repeat themselves, and the router takes some 4 µs a match. */
const cachedCharacters = 65_536;

/** The route of a target; undefined if it has no canonical path. */
function matcher<Name extends string>(
  { routes, strict, encodedSlashes }: FrontOptions<Name>,
  { router }: Hono<WebEnv>,
): (target: string) => Match<Name> | undefined {
  const byPattern = new Map(routes.map((route) => [route.pattern, route]));
  const seen = new LRUCache<string, Match<Name>>({
    maxSize: cachedCharacters,
    sizeCalculation: (_match, target) => target.length,
  });
  return (target) => {
    const known = seen.get(target);
    if (known !== undefined) return known;
    const path = canonicalPath(target, encodedSlashes);
    if (path === undefined) return undefined;
    const [[first]] = router.match("GET", strict ? path : path.replace(/(?<=.)\/$/, ""));
    const [[, { path: pattern }], params] = first!;
    const match = { route: byPattern.get(pattern)!, path, params: params as Match<Name>["params"] };
    seen.set(target, match);
    return match;
  };
}

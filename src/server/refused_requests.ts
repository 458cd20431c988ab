/**
 * Gives each refused request of an agent an ID that both the agent and the log see. A 404 isn't
 * counted as a refusal: agents look up addresses that no pod has yet.
 */
import { type RefusedRequestsOptions, requestIds } from "../telemetry/refused_request.ts";
import type { MiddlewareHandler } from "hono";
import type { PeerEnv } from "./ports.ts";

export function refusedRequests(
  { random, report }: RefusedRequestsOptions,
): MiddlewareHandler<PeerEnv> {
  const nextId = requestIds(random);
  return async (c, next) => {
    await next();
    const { status } = c.res;
    if (status < 400 || status === 404) return;
    const requestId = nextId();
    const answer = (await c.res.clone().text()).trimEnd();
    const { method, routePath: route } = c.req;
    c.header("X-Request-Id", requestId);
    report({ requestId, peer: c.env.peer, method, route, status, answer });
  };
}

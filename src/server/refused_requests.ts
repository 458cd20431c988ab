/**
 * Gives each refused request of an agent an id that both the agent and the log see. A 404 is no
 * refusal here: agents ask for addresses that nobody has yet.
 */
import type { RefusedRequestsOptions } from "../telemetry/refused_request.ts";
import type { MiddlewareHandler } from "hono";

export function refusedRequests(
  { random, tell }: RefusedRequestsOptions,
): MiddlewareHandler<{ Bindings: { readonly peer: string } }> {
  const prefix = Math.floor(random() * 36 ** 5).toString(36).padStart(5, "0");
  let count = 0;
  return async (c, next) => {
    await next();
    const { status } = c.res;
    if (status < 400 || status === 404) return;
    const requestId = `${prefix}-${(++count).toString(36)}`;
    const answer = (await c.res.clone().text()).trimEnd();
    const { method, routePath: route } = c.req;
    c.header("X-Request-Id", requestId);
    tell({ requestId, peer: c.env.peer, method, route, status, answer });
  };
}

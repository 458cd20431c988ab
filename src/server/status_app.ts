/**
 * The status page's data on loopback, reached by port-forward. A page of another site that the same
 * browser has open must not read it, so the Host has to be a loopback name (DNS rebinding).
 */
import { Hono } from "hono";
import type { Summary } from "./summary.ts";

const loopbackHost = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d{1,5})?$/i;

export function createStatusApp(parts: { readonly summary: () => Summary }): Hono {
  const app = new Hono();
  app.use(async (c, next) => {
    if (loopbackHost.test(c.req.header("host") ?? "")) return await next();
    return c.text("Host must be localhost or a loopback address\n", 403);
  });
  app.get("/api/summary", (c) => {
    c.header("cache-control", "no-store");
    return c.json(parts.summary());
  });
  app.notFound((c) => c.text("no such path\n", 404));
  return app;
}

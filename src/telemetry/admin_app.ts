/** The admin routes: liveness, readiness and metrics. */
import { Hono } from "hono";
import type { Registry } from "@prometheus-io/client";

interface AdminOptions {
  /** What is missing for readiness, one line each; empty means ready. */
  readonly missing: () => readonly string[];
  /** A function creates it on the first scrape. */
  readonly registry: Registry | (() => Promise<Registry>);
}

export function createAdmin(options: AdminOptions): Hono {
  const app = new Hono();
  app.get("/livez", (c) => c.text("ok\n"));
  app.get("/readyz", (c) => {
    const missing = options.missing();
    return missing.length === 0 ? c.text("ok\n") : c.text(missing.join("\n") + "\n", 503);
  });
  app.get("/metrics", async (c) => {
    const { registry } = options;
    const made = typeof registry === "function" ? await registry() : registry;
    return c.body(await made.metrics(), 200, { "content-type": made.contentType });
  });
  app.notFound((c) => c.text("no such path\n", 404));
  return app;
}

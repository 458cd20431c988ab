/** The admin routes: liveness, readiness and metrics. */
import { Hono } from "hono";
import type { Registry } from "@prometheus-io/client";

interface AdminOptions {
  /** What is missing for readiness, one line each; empty means ready. */
  readonly missing: () => readonly string[];
  /** Further lines of `/readyz`, whether ready or not. */
  readonly notes?: () => readonly string[];
  /** Called at each scrape; creates it at the first. */
  readonly registry: () => Promise<Registry>;
}

export function createAdmin(options: AdminOptions): Hono {
  const app = new Hono();
  app.get("/livez", (c) => c.text("ok\n"));
  app.get("/readyz", (c) => {
    const missing = options.missing();
    const lines = [...missing.length === 0 ? ["ok"] : missing, ...options.notes?.() ?? []];
    return c.text(lines.join("\n") + "\n", missing.length === 0 ? 200 : 503);
  });
  app.get("/metrics", async (c) => {
    const registry = await options.registry();
    return c.body(await registry.metrics(), 200, { "content-type": registry.contentType });
  });
  app.notFound((c) => c.text("no such path\n", 404));
  return app;
}

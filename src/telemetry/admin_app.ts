/** Whether a process lives, whether it is ready and what it lacks, and its metrics. */
import { Hono } from "hono";
import type { Registry } from "@prometheus-io/client";

interface AdminOptions {
  /** One line for each thing missing; empty means ready. */
  readonly missing: () => readonly string[];
  /** With a function, only made when it's asked for. */
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

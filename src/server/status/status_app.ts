/**
 * The status page and its API, on loopback and reached by port-forward, with the data of all
 * replicas. The Host must be a loopback name, so that no other website in the same browser can read
 * it (DNS rebinding).
 */
import { Hono } from "hono";
import type { Explanation } from "../../policy/explanation.ts";
import type { MergedSummary } from "./data/merged_summary.ts";
import type { Clock } from "../../time/clock.ts";
import { securityHeaders } from "./page/page.ts";
import { createPages } from "./page/pages.ts";
import type { PodName } from "./data/summary.ts";

const loopbackHost = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d{1,5})?$/i;

interface StatusAppOptions {
  readonly summary: () => Promise<MergedSummary>;
  /** Null if there is no such pod. */
  readonly explanation: (name: PodName) => Promise<Explanation | null>;
  /** What hasn't been listed yet; until then, a pod that isn't found may still exist. */
  readonly unlisted: () => readonly string[];
  readonly clock: Clock;
  /** Ends the streams of page updates. */
  readonly signal: AbortSignal;
}

export function createStatusApp(options: StatusAppOptions): Hono {
  const app = new Hono();
  app.use(securityHeaders);
  app.use(async (c, next) => {
    if (!loopbackHost.test(c.req.header("host") ?? "")) {
      return c.text("Host must be localhost or a loopback address\n", 403);
    }
    await next();
    c.header("cache-control", "no-store");
  });
  app.get("/api/summary", async (c) => c.json(await options.summary()));
  app.get("/api/pods/:namespace/:name", async (c) => {
    const unlisted = options.unlisted();
    if (unlisted.length > 0) return c.text(`not listed yet: ${unlisted.join(", ")}\n`, 503);
    const { namespace, name } = c.req.param();
    const explanation = await options.explanation({ namespace, name });
    return explanation === null ? c.text("no such pod\n", 404) : c.json(explanation);
  });
  app.route("/", createPages(options));
  app.notFound((c) => c.text("no such path\n", 404));
  return app;
}

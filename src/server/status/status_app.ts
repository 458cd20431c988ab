/**
 * The status page and its API, on loopback and reached by port-forward, with the data of all
 * replicas. The Host must be a loopback name, so that no other website in the same browser can read
 * it (DNS rebinding). Where a token is required, browsers send it as a cookie after the sign-in form.
 */
import { type Context, Hono } from "hono";
import { getCookie, setCookie } from "hono/cookie";
import { html } from "hono/html";
import * as v from "valibot";
import type { Explanation } from "../../policy/explanation.ts";
import type { Clock } from "../../time/clock.ts";
import { limitBody, type Refusal, refusalResponse, refuse } from "../access/refusal.ts";
import type { StatusAccess } from "../access/status_access.ts";
import {
  maxRenewalBytes,
  type Renewal,
  renewalProblem,
  type RenewalRequest,
  renewalRequest,
} from "../credentials/renewal.ts";
import { RateLimit } from "../../time/rate_limit.ts";
import type { PeerEnv } from "../ports.ts";
import type { MergedSummary } from "./data/merged_summary.ts";
import type { PodName } from "./data/summary.ts";
import { page, securityHeaders } from "./page/page.ts";
import { createPages } from "./page/pages.ts";
import type { Markup } from "./page/markup.ts";

const loopbackHost = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d{1,5})?$/i;
const cookieName = "rolecall-status";
const maxFormBytes = 16_384;

interface StatusAppOptions {
  readonly access: StatusAccess;
  readonly summary: () => Promise<MergedSummary>;
  /** Null if there is no such pod. */
  readonly explanation: (name: PodName) => Promise<Explanation | null>;
  /** At all replicas. */
  readonly renew: (request: RenewalRequest) => Promise<readonly Renewal[]>;
  /** What hasn't been listed yet; until then, a pod that isn't found may still exist. */
  readonly unlisted: () => readonly string[];
  readonly clock: Clock;
  /** An unexpected error; the client gets a 500 without details. */
  readonly failed: (error: Error, route: string) => void;
  /** Ends the streams of page updates. */
  readonly signal: AbortSignal;
}

export function createStatusApp(options: StatusAppOptions): Hono<PeerEnv> {
  const app = new Hono<PeerEnv>();
  const renewals = new RateLimit({ perSecond: 0.1, burst: 5 });
  app.use(securityHeaders);
  app.use(async (c, next) => {
    if (!loopbackHost.test(c.req.header("host") ?? "")) {
      return c.text("Host must be localhost or a loopback address\n", 403);
    }
    await next();
    c.header("cache-control", "no-store");
  });
  app.post("/sign-in", limitBody(maxFormBytes), (c) => signIn(c, options));
  app.use(async (c, next) => {
    const cookie = getCookie(c, cookieName);
    const authorization = c.req.header("authorization") ?? (cookie && `Bearer ${cookie}`);
    const refusal = await options.access(authorization, c.env.peer);
    return refusal === null ? await next() : refused(c, refusal);
  });
  app.get("/api/summary", async (c) => c.json(await options.summary()));
  app.post("/api/renew", limitBody(maxRenewalBytes), (c) => renew(c, options, renewals));
  app.get("/api/pods/:namespace/:name", async (c) => {
    const unlisted = options.unlisted();
    if (unlisted.length > 0) return c.text(`not listed yet: ${unlisted.join(", ")}\n`, 503);
    const { namespace, name } = c.req.param();
    const explanation = await options.explanation({ namespace, name });
    return explanation === null ? c.text("no such pod\n", 404) : c.json(explanation);
  });
  app.route("/", createPages(options));
  app.notFound((c) => c.text("no such path\n", 404));
  app.onError((error, c) => {
    options.failed(error, c.req.routePath);
    return c.text("internal error\n", 500);
  });
  return app;
}

/**
 * Browsers send this content type to another origin only if it permits that, which this one never
 * does. Each request costs at most one STS call for each session that is older than it says.
 */
async function renew(
  c: Context<PeerEnv>,
  { clock, renew }: StatusAppOptions,
  renewals: RateLimit,
): Promise<Response> {
  if (!/^application\/json\b/i.test(c.req.header("content-type") ?? "")) {
    return refusalResponse(refuse(400, "content-type must be application/json"));
  }
  const body = v.safeParse(renewalRequest, await c.req.json().catch(() => undefined));
  if (!body.success) return refusalResponse(refuse(400, "the body is not a request to renew"));
  const problem = renewalProblem(body.output, clock.now());
  if (problem !== null) return refusalResponse(refuse(400, problem));
  if (!renewals.admits("", clock.monotonic())) {
    return refusalResponse(refuse(429, "too many requests to renew; retry in 10 s"));
  }
  return c.json({ replicas: await renew(body.output) });
}

async function signIn(c: Context<PeerEnv>, { access }: StatusAppOptions): Promise<Response> {
  const { token } = await c.req.parseBody();
  const text = typeof token === "string" ? token.trim() : "";
  const refusal = await access(`Bearer ${text}`, c.env.peer);
  if (refusal !== null) return refused(c, refusal);
  setCookie(c, cookieName, text, { httpOnly: true, sameSite: "Strict", path: "/" });
  return c.redirect("/", 303);
}

/** Browsers get the form, programs a line of text. */
function refused(c: Context<PeerEnv>, refusal: Refusal): Response | Promise<Response> {
  const isBrowser = c.req.header("accept")?.includes("text/html") ?? false;
  if (!isBrowser) return refusalResponse(refusal);
  return c.html(signInPage(refusal.message), refusal.status);
}

/** The form for the token, and why the page can't be shown without one. */
function signInPage(message: string): Markup {
  return page({
    title: "Rolecall",
    headline: null,
    links: html``,
    main: html`
      <p class="problems">${message}</p>
      <form method="post" action="/sign-in">
        <label>token<br><input type="password" name="token" autocomplete="off" required></label>
        <button type="submit">Sign in</button>
      </form>
    `,
    version: "",
    live: false,
  });
}

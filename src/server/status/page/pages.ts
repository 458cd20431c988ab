/**
 * The status page's routes: the overview, the page of one pod, and the stream of changes.
 * Server-rendered and self-contained; works without its script.
 */
import { type Context, Hono } from "hono";
import { html } from "hono/html";
import type { Explanation } from "../../../policy/explanation.ts";
import type { MergedSummary } from "../data/merged_summary.ts";
import type { Clock } from "../../../time/clock.ts";
import type { PodName } from "../data/summary.ts";
import { changes } from "./changes.ts";
import type { Markup } from "./markup.ts";
import * as overview from "./overview.ts";
import { page, type Section, section, sectionElement } from "./page.ts";
import * as podPage from "./pod_page.ts";
import { timeline } from "./timeline_section.ts";
import { podStates, type Search, searchOf, viewOf } from "../data/view.ts";

interface PagesOptions {
  readonly clock: Clock;
  readonly summary: (only?: PodName) => Promise<MergedSummary>;
  /** Null if there is no such pod. */
  readonly explanation: (name: PodName) => Promise<Explanation | null>;
  /** Ends the streams of changes. */
  readonly signal: AbortSignal;
}

/** Streams of changes at once. */
const maxFollowers = 24;
/** How long a merged summary is shared by all readers. */
const summaryTtlMs = 1_500;

export function createPages(given: PagesOptions): Hono {
  const options = { ...given, summary: sharedSummary(given) };
  const app = new Hono();
  let followers = 0;
  app.get("/", async (c) => c.html(await overviewPage(options, new URL(c.req.url))));
  app.get("/pods/:namespace/:name", async (c) => {
    const { namespace, name } = c.req.param();
    const markup = await onePodPage(options, { namespace, name });
    return markup === null ? c.html(missingPage(namespace, name), 404) : c.html(markup);
  });
  app.get("/events", (c) => {
    const sections = sectionsOf(options, c.req.query("page") ?? "/");
    if (sections === null) return c.text("no such page\n", 404);
    if (followers >= maxFollowers) return c.text("too many pages are open\n", 503);
    followers++;
    return follow(c, changes({ ...options, sections, ended: once(() => followers--) }));
  });
  return app;
}

function follow(c: Context, body: ReadableStream<Uint8Array>): Response {
  return c.body(body, 200, { "content-type": "text/event-stream" });
}

async function overviewPage(options: PagesOptions, url: URL): Promise<Markup> {
  const search = searchOf(url.searchParams);
  const summary = await options.summary();
  const [headline, ...sections] = await overviewSections(summary, url);
  const links = sections.map(({ id }) =>
    html`
      <a href="#${id}">${id}</a>
    `
  );
  return page({
    title: "Rolecall",
    headline: headline!,
    links: html`${links}`,
    main: html`${searchForm(search)}${sections.map(sectionElement)}`,
    version: summary.version,
    live: true,
  });
}

function overviewSections(summary: MergedSummary, url: URL): Promise<Section[]> {
  const view = viewOf(summary, searchOf(url.searchParams));
  return Promise.all([
    section("headline", overview.headline(view)),
    section("health", overview.health(view)),
    section("agents", overview.agents(view)),
    section("pods", overview.pods(view)),
    section("roles", overview.roles(view)),
    section("timeline", timeline(view.timeline, view.at)),
  ]);
}

async function onePodPage(options: PagesOptions, name: PodName): Promise<Markup | null> {
  const sections = await podSections(options, name);
  if (sections === null) return null;
  const [headline, ...rest] = sections;
  return page({
    title: `${name.namespace}/${name.name}`,
    headline: headline!,
    links: html`<a href="/">All pods</a>`,
    main: html`${rest.map(sectionElement)}`,
    version: (await options.summary()).version,
    live: true,
  });
}

async function podSections(options: PagesOptions, name: PodName): Promise<Section[] | null> {
  const explanation = await options.explanation(name);
  if (explanation === null) return null;
  const summary = await options.summary();
  const now = Date.parse(summary.at);
  const row = summary.pods.find((pod) =>
    pod.namespace === name.namespace && pod.name === name.name
  );
  return await Promise.all([
    section("headline", podPage.verdict(explanation)),
    section("steps", podPage.steps(explanation)),
    section("facts", podPage.facts(row, now)),
    section("history", podPage.history(row, summary, now)),
  ]);
}

function missingPage(namespace: string, name: string): Markup {
  return page({
    title: `${namespace}/${name}`,
    headline: null,
    links: html`<a href="/">All pods</a>`,
    main: html`<p>There is no such pod. It may have been deleted, or not listed yet.</p>`,
    version: "",
    live: false,
  });
}

/** Renders the sections of the page at `path`; null if there is no such page. */
function sectionsOf(
  options: PagesOptions,
  path: string,
): (() => Promise<readonly Section[]>) | null {
  if (!path.startsWith("/") || !URL.canParse(path, "http://status")) return null;
  const url = new URL(path, "http://status");
  if (url.pathname === "/") return async () => overviewSections(await options.summary(), url);
  const [, pods, namespace, name, ...more] = url.pathname.split("/");
  if (pods !== "pods" || namespace === undefined || name === undefined || more.length > 0) {
    return null;
  }
  const wanted = { namespace: decoded(namespace), name: decoded(name) };
  return async () => await podSections(options, wanted) ?? [];
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** One fetch for all readers at about the same time. */
function sharedSummary({ clock, summary }: PagesOptions): () => Promise<MergedSummary> {
  let held: { readonly at: number; readonly answer: Promise<MergedSummary> } | undefined;
  return () => {
    const now = clock.monotonic();
    if (held === undefined || now - held.at >= summaryTtlMs) {
      held = { at: now, answer: summary() };
      held.answer.catch(() => held = undefined);
    }
    return held.answer;
  };
}

function once(run: () => void): () => void {
  let done = false;
  return () => {
    if (!done) run();
    done = true;
  };
}

/** A plain GET form, so that searches have a URL. */
function searchForm(search: Search): Markup {
  return html`
    <search>
      <form method="get" action="/#pods" aria-label="Search pods">
    ${(["namespace", "pod", "role"] as const).map((name) =>
      html`<label>${name}<br><input type="search" name="${name}" value="${
        search[name]
      }" autocomplete="off" maxlength="253"></label>\n`
    )}<label>state<br><select name="state"><option value="">any</option>${podStates.map((state) =>
      html`
        <option value="${state}" ${search.state === state ? " selected" : ""}>${state}</option>
      `
    )}</select></label>
    <button type="submit">Search</button> <a href="/">All</a></form>
    </search>
  `;
}

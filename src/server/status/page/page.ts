/** The frame around every status page, and the headers that confine what a browser does with it. */
import { createHash } from "node:crypto";
import { html, raw } from "hono/html";
import { live } from "./live.ts";
import { look } from "./style.ts";
import type { Markup } from "./markup.ts";

/** A part of a page that is sent again when it has changed. */
export interface Section {
  readonly id: string;
  readonly html: string;
  /** Changes with the content. */
  readonly version: string;
}

export async function section(id: string, content: Markup): Promise<Section> {
  const text = String(await content);
  const version = createHash("sha256").update(text).digest("hex").slice(0, 12);
  return { id, html: text, version };
}

/** As it stands in the page: named by its heading where it has one. */
export function drawn({ id, html: text, version }: Section): Markup {
  return html`
    <section id="${id}" aria-labelledby="${id}-title"
      data-version="${version}">${raw(text)}</section>
  `;
}

interface PageOptions {
  readonly title: string;
  /** Said by screen readers when it changes. */
  readonly headline: Section | null;
  readonly links: Markup;
  readonly main: unknown;
  readonly version: string;
}

export function page({ title, headline, links, main, version }: PageOptions): Markup {
  return html`
    <!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8">
        <title>${title}</title>
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <link rel="icon" href="data:,">
        ${raw(`<style>${look}</style>`)}
      </head>
      <body>
        <a class="skip" href="#content">Skip to content</a>
        <header><h1>${title}</h1>${headline === null ? "" : spoken(headline)}</header>
        <nav class="sections" aria-label="Rolecall">${links}</nav>
        <main id="content">${main}</main>
        <footer>
          <p class="soft">
            Rolecall ${version}. Times are UTC. <span id="live">As of when this page was loaded.</span>
          </p>
          <noscript><p class="soft">Reload the page for newer figures.</p></noscript>
        </footer>
        ${raw(`<script type="module">${live}</script>`)}
      </body>
    </html>
  `;
}

function spoken({ id, version, html: text }: Section): Markup {
  return html`<p id="${id}" role="status" data-version="${version}">${raw(text)}</p>`;
}

/** The two texts of ours may run; nothing else, from anywhere. */
export function confinement(): Readonly<Record<string, string>> {
  const policy = [
    "default-src 'none'",
    `style-src ${hashOf(look)}`,
    `script-src ${hashOf(live)}`,
    "connect-src 'self'",
    "img-src data:",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ];
  return {
    "content-security-policy": policy.join("; "),
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
  };
}

function hashOf(text: string): string {
  return `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
}

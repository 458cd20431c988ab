/** The layout of every status page, its sections, and the security headers. */
import { createHash } from "node:crypto";
import { html, raw } from "hono/html";
import { secureHeaders } from "hono/secure-headers";
import { liveScript, styleSheet } from "./assets.ts";
import type { Markup } from "./markup.ts";

/** A part of a page that is sent again when it changes. */
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

/** Labelled by its heading. */
export function sectionElement({ id, html: text, version }: Section): Markup {
  return html`
    <section id="${id}" aria-labelledby="${id}-title"
      data-version="${version}">${raw(text)}</section>
  `;
}

interface PageOptions {
  readonly title: string;
  /** Screen readers announce its changes. */
  readonly headline: Section | null;
  readonly links: Markup;
  readonly main: unknown;
  readonly version: string;
  /** Whether the page updates itself. */
  readonly live: boolean;
}

export function page({ title, headline, links, main, version, live }: PageOptions): Markup {
  return html`
    <!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8">
        <title>${title}</title>
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <link rel="icon" href="data:,">
        ${raw(`<style>${styleSheet}</style>`)}
      </head>
      <body>
        <a class="skip" href="#content">Skip to content</a>
        <header><h1>${title}</h1>${headline === null ? "" : headlineElement(headline)}</header>
        <nav class="sections" aria-label="Rolecall">${links}</nav>
        <main id="content">${main}</main>
        <footer>
          <p class="soft">
            Rolecall ${version}. Times are UTC. <span id="live">As of when this page was loaded.</span>
          </p>
          <noscript><p class="soft">Reload the page for newer figures.</p></noscript>
        </footer>
        ${live ? raw(`<script type="module">${liveScript}</script>`) : ""}
      </body>
    </html>
  `;
}

function headlineElement({ id, version, html: text }: Section): Markup {
  return html`<p id="${id}" role="status" data-version="${version}">${raw(text)}</p>`;
}

/** Browsers run only our script and style, load nothing from elsewhere, and don't frame the page. */
export const securityHeaders = secureHeaders({
  contentSecurityPolicy: {
    defaultSrc: ["'none'"],
    styleSrc: [hashOf(styleSheet)],
    scriptSrc: [hashOf(liveScript)],
    connectSrc: ["'self'"],
    imgSrc: ["data:"],
    formAction: ["'self'"],
    baseUri: ["'none'"],
    frameAncestors: ["'none'"],
  },
  // The page is plain HTTP on loopback.
  strictTransportSecurity: false,
});

function hashOf(text: string): string {
  return `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
}

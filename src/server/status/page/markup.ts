/** Building blocks of the status page's HTML. */
import { html } from "hono/html";
import { instant } from "../../../time/instant.ts";

/** Escaped HTML; what is interpolated into `html` is escaped there. */
export type Markup = ReturnType<typeof html>;

interface Column {
  readonly title: string;
  /** What it holds, which determines its width. */
  readonly kind?: "figures" | "name" | "long";
}

/**
 * A table that phones show as cards, for which each cell carries its column's title. Without rows,
 * only the caption.
 */
export function table(
  caption: string,
  columns: readonly Column[],
  rows: readonly (readonly unknown[])[],
): Markup {
  if (rows.length === 0) return html`<p class="soft">${caption}</p>`;
  return html`
    <table>
      <caption>${caption}</caption>
      <thead>
        <tr>${columns.map(({ title }) => html`<th scope="col">${title}</th>`)}</tr>
      </thead>
      <tbody>${rows.map((cells) =>
        html`<tr>${cells.map((cell, at) => cellOf(columns[at]!, cell))}</tr>\n`
      )}</tbody>
    </table>
  `;
}

function cellOf({ title, kind = "name" }: Column, content: unknown): Markup {
  return html`<td class="${kind}" data-label="${title}"><span>${content}</span></td>`;
}

/** An ARN or the like, with places where a line may break. */
export function arn(text: string): Markup {
  const parts = text.split(/(?<=[/:])(?=[^/:])/);
  return html`${parts.map((part, at) => at === 0 ? part : html`<wbr>${part}`)}`;
}

/** A colour, always beside a word. */
export type Tone = "good" | "waiting" | "bad" | "neutral";

export function badge(tone: Tone, text: string): Markup {
  const shape = text.length > 24 ? "badge long" : "badge";
  return html`<span class="${shape} ${tone}">${text}</span>`;
}

/** An instant as people in any zone can read it: UTC, the date only where it isn't today's. */
export function time(at: number, now: number): Markup {
  const iso = instant(at);
  const today = iso.slice(0, 10) === instant(now).slice(0, 10);
  const shown = today ? iso.slice(11, 16) : `${iso.slice(0, 10)} ${iso.slice(11, 16)}`;
  return html`<time datetime="${iso}">${shown}</time>`;
}

/** `NAMESPACE/POD`, leading to the pod's own page. */
export function podLink(namespace: string, pod: string): Markup {
  return html`<a href="${podPath(namespace, pod)}">${namespace}/${pod}</a>`;
}

function podPath(namespace: string, pod: string): string {
  return `/pods/${encodeURIComponent(namespace)}/${encodeURIComponent(pod)}`;
}

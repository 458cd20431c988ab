/** The last hour: a chart with a bar per minute, then the latest events. */
import { html } from "hono/html";
import type { MinuteRow, TimelineRow, TimelineView } from "../../timeline/timeline.ts";
import { arn, badge, type Markup, podLink, table, time, type Tone } from "./markup.ts";
import { counted } from "../../../cli/quantities.ts";

const kinds = ["issued", "renewed", "denied", "failed"] as const;
type Kind = (typeof kinds)[number];

const tones: Readonly<Record<Kind, Tone>> = {
  issued: "good",
  renewed: "neutral",
  denied: "bad",
  failed: "bad",
};
const shownRows = 50;
const height = 60;

export function timeline({ minutes, latest }: TimelineView, now: number): Markup {
  const sums = kinds.map((kind) =>
    [kind, minutes.reduce((sum, row) => sum + row[kind], 0)] as const
  );
  const totals = sums.map(([kind, sum]) => `${sum} ${kind}`).join(", ");
  const shown = latest.slice(0, shownRows);
  return html`<h2 id="timeline-title">The last hour</h2>
<p>${
    sums.map(([kind, sum]) =>
      html`
        ${badge(tones[kind], kind)} ${sum}
      `
    )
  }</p>
${chart(minutes, now, `Events per minute: ${totals}`)}
${
    eventTable(
      shown,
      now,
      counted(latest.length, "event") +
        (latest.length > shown.length ? `, the latest ${shown.length} shown` : ""),
    )
  }`;
}

/** Also for the page of one pod. */
export function eventTable(rows: readonly TimelineRow[], now: number, caption: string): Markup {
  return table(
    caption,
    [
      { title: "Time" },
      { title: "Event" },
      { title: "Pod or session" },
      { title: "Pods", kind: "figures" },
      { title: "Count", kind: "figures" },
    ],
    rows.map((row) => [
      time(row.at, now),
      html`${badge(tones[row.kind], row.kind)} ${row.reason ?? ""}`,
      row.pod === null || row.namespace === null
        ? html`${arn(row.roleArn ?? "")} as ${row.sessionName ?? ""}`
        : podLink(row.namespace, row.pod),
      row.pods,
      row.times,
    ]),
  );
}

function chart(minutes: readonly MinuteRow[], now: number, label: string): Markup {
  const most = Math.max(
    1,
    ...minutes.map((row) => kinds.reduce((sum, kind) => sum + row[kind], 0)),
  );
  const nowMinute = now - now % 60_000;
  const bars = minutes.flatMap((row) => barsOf(row, 59 - (nowMinute - row.at) / 60_000, most));
  return html`
    <svg role="img" aria-label="${label}" viewBox="0 0 600 ${height}"
      preserveAspectRatio="none">${bars}</svg>
  `;
}

/** One minute's bars, stacked. */
function barsOf(row: MinuteRow, slot: number, most: number): Markup[] {
  if (slot < 0) return [];
  let top = height;
  return kinds.filter((kind) => row[kind] > 0).map((kind) => {
    const size = row[kind] / most * height;
    top -= size;
    return html`<rect class="${kind}" x="${slot * 10}" y="${top.toFixed(1)}" width="8" height="${
      size.toFixed(1)
    }"></rect>`;
  });
}

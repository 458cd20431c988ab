/** The page of one pod: the same steps as `explain`, and its events of the last hour. */
import { html } from "hono/html";
import type { Explanation, ExplanationStep } from "../../../policy/explanation.ts";
import type { MergedSummary } from "../data/merged_summary.ts";
import type { PodRow } from "../data/summary.ts";
import { lifetimeBar } from "./lifetime_bar.ts";
import { badge, type Markup, type Tone } from "./markup.ts";
import { stateBadge } from "./overview.ts";
import { eventTable } from "./timeline_section.ts";
import { counted } from "../../../cli/quantities.ts";

const tones: Readonly<Record<ExplanationStep["state"], Tone>> = {
  ok: "good",
  failed: "bad",
  waiting: "waiting",
  skipped: "neutral",
};

const outcomes: Readonly<Record<Explanation["outcome"], readonly [Tone, string]>> = {
  credentials: ["good", "The pod gets credentials."],
  permitted: ["good", "The pod may have its role."],
  waiting: ["waiting", "The pod is waiting."],
  denied: ["bad", "The pod gets no credentials."],
  none: ["neutral", "The pod has no role."],
};

export function verdict({ outcome, reason, message }: Explanation): Markup {
  const [tone, text] = outcomes[outcome];
  return html`${badge(tone, text)} ${
    reason === null ? "" : html`
      <b>${reason}</b>
    `
  }${message ?? ""}`;
}

export function steps({ steps }: Explanation): Markup {
  return html`<h2 id="steps-title">From pod to credentials</h2>
<ol class="steps">${
    steps.map((step) =>
      html`<li class="${step.state}"><b>${step.step}</b>${
        badge(tones[step.state], step.state)
      } ${step.found}${step.remedy ? html`<br>→ ${step.remedy}` : ""}</li>`
    )
  }</ol>`;
}

export function facts(row: PodRow | undefined, now: number): Markup {
  if (row === undefined) {
    return html`
      <h2 id="facts-title">The pod</h2>
      <p>The pod has ended.</p>
    `;
  }
  const pairs: (readonly [string, unknown])[] = [
    ["State", stateBadge(row.state)],
    ["Node", row.node ?? "not scheduled"],
    ["Addresses", row.ips.join(", ") || "none yet"],
    ["ServiceAccount", row.serviceAccount],
    ["Requested", row.requested],
    ["Role", row.roleArn],
    ["Session", row.sessionName],
    ["Credentials", row.expiresAt && lifetimeBar(row.issuedAt, row.expiresAt, now)],
    ["Access key ID", row.accessKeyId],
    ["Last request without a token", row.lastWithoutToken ?? null],
    ["UID", row.uid],
  ];
  return html`<h2 id="facts-title">The pod</h2>
<dl>${
    pairs.filter(([, value]) => value !== null).map(([name, value]) =>
      html`
        <dt>${name}</dt>
        <dd>${value}</dd>
      `
    )
  }</dl>`;
}

/** The pod's denials, and the events of the session that it uses. */
export function history(row: PodRow | undefined, { timeline }: MergedSummary, now: number): Markup {
  const own = timeline.latest.filter((event) =>
    event.pod === null
      ? event.roleArn === row?.roleArn && event.sessionName === row?.sessionName
      : event.pod === row?.name && event.namespace === row.namespace
  );
  return html`<h2 id="history-title">The last hour</h2>
${eventTable(own, now, counted(own.length, "event"))}`;
}

/** The sections of the overview. Each is rendered separately, so that only changes are sent again. */
import { html } from "hono/html";
import type { RoleRow } from "../data/role_row.ts";
import type { AgentRow, PodRow } from "../data/summary.ts";
import { lifetimeBar } from "./lifetime_bar.ts";
import { arn, badge, type Markup, podLink, table, time, type Tone } from "./markup.ts";
import { isHealthy, podStates, type StatusView } from "../data/view.ts";
import { counted, listed, span } from "../../../cli/quantities.ts";

/** Rows per table. */
const pageLength = 100;
/** Named in a line. */
const maxNamespaces = 20;

const stateLabels: Readonly<Record<PodRow["state"], readonly [Tone, string]>> = {
  ready: ["good", "ready"],
  pending: ["waiting", "pending"],
  unserved: ["waiting", "no agent"],
  denied: ["bad", "denied"],
  failed: ["bad", "STS refuses"],
  none: ["neutral", "no role"],
};

export function stateBadge(state: PodRow["state"]): Markup {
  const [tone, label] = stateLabels[state] ?? ["neutral", state];
  return badge(tone, label);
}

/** One sentence; screen readers announce its changes. */
export function headline({ problems, states, agents }: StatusView): Markup {
  const healthy = agents.filter(isHealthy).length;
  const state = problems.length === 0 ? badge("good", "Healthy") : badge("bad", "Needs attention");
  return html`${state} ${healthy} of ${counted(agents.length, "agent")} healthy, ${
    counted(states.ready, "pod")
  } with credentials, ${states.denied + states.failed} denied.`;
}

export function health(view: StatusView): Markup {
  const rows = view.replicas.map((replica) => [
    replica.replica,
    replica.problem !== null
      ? badge("bad", replica.problem)
      : replica.missing.length > 0
      ? badge("waiting", replica.missing.join("; "))
      : badge("good", "ready"),
    replica.watchAgeSeconds === null ? "never" : `${span(replica.watchAgeSeconds * 1000)} ago`,
    replica.version ?? "",
  ]);
  return html`<h2 id="health-title">Health</h2>
${
    view.problems.length === 0
      ? html`<p>No problems.</p>`
      : html`<ul class="problems">${view.problems.map((line) => html`<li>${line}</li>`)}</ul>`
  }
${
    table(
      `${counted(view.replicas.length, "server")}; ${counted(view.counts.pods, "pod")} in ${
        counted(view.counts.namespaces, "namespace")
      } on ${counted(view.counts.nodes, "node")}`,
      [
        { title: "Server" },
        { title: "State", kind: "figures" },
        { title: "Last watch update" },
        { title: "Version" },
      ],
      rows,
    )
  }`;
}

export function agents(view: StatusView): Markup {
  const shown = view.agents.slice(0, pageLength);
  return html`<h2 id="agents-title">Agents</h2>
${
    table(captionOf("agent", view.agents.length, shown.length), [
      { title: "Node" },
      { title: "State", kind: "figures" },
      { title: "Connected for", kind: "figures" },
      { title: "Redirect" },
      { title: "Boot guard" },
      { title: "Identity" },
      { title: "Pods", kind: "figures" },
      { title: "Version" },
    ], shown.map((agent) => agentCells(agent, view.at)))
  }`;
}

function agentCells(agent: AgentRow, now: number): unknown[] {
  const { node, connectedAt, report } = agent;
  return [
    node,
    agentBadge(agent),
    connectedAt === null ? "–" : span(now - Date.parse(connectedAt)),
    report === null ? "not reported yet" : redirectBadge(report.redirect),
    bootGuardBadge(report?.closedFromBoot),
    report?.identity === undefined ? "–" : identityBadge(report),
    report?.assignments ?? "–",
    report?.version ?? "–",
  ];
}

function agentBadge({ connectedAt, report }: AgentRow): Markup {
  if (connectedAt === null) return badge("bad", "not connected");
  if (report === null) return badge("waiting", "connected");
  return report.ready ? badge("good", "ready") : badge("bad", "not ready");
}

function redirectBadge(redirect: NonNullable<AgentRow["report"]>["redirect"]): Markup {
  const { kind, inPlace, repairs, guarded } = redirect;
  if (kind === "none") return badge("neutral", "off");
  const repaired = repairs === 0 ? "" : `, repaired ${counted(repairs, "time")}`;
  const state = inPlace
    ? badge("good", kind + repaired)
    : badge("bad", `${kind} missing${repaired}`);
  return guarded === false ? html`${state} ${badge("waiting", "no policy routing")}` : state;
}

function bootGuardBadge(closed: boolean | undefined): Markup | string {
  if (closed === undefined) return "–";
  return closed ? badge("good", "in place") : badge("bad", "missing");
}

function identityBadge(
  { identity, identityFallback }: NonNullable<AgentRow["report"]>,
): Markup {
  return identityFallback
    ? badge("waiting", `${identity}, kernel not available`)
    : badge("good", identity ?? "–");
}

export function pods(view: StatusView): Markup {
  const { found, search, at } = view;
  const from = Math.min((search.page - 1) * pageLength, lastPageStart(found.length));
  const shown = found.slice(from, from + pageLength);
  return html`<h2 id="pods-title">Pods</h2>
<p>${
    podStates.map((state) =>
      html`
        ${stateBadge(state)} ${view.states[state]}
      `
    )
  }</p>
${tokenlessLine(view)}
${
    table(captionOf("pod", found.length, shown.length, from), [
      { title: "Pod" },
      { title: "State", kind: "figures" },
      { title: "Role or reason", kind: "long" },
      { title: "Credentials" },
      { title: "Node" },
    ], shown.map((pod) => podCells(pod, at)))
  }
${pager(view, found.length, Math.floor(from / pageLength) + 1)}`;
}

/** Namespaces with pods that would break if tokens were required. */
function tokenlessLine({ withoutToken }: StatusView): Markup {
  const counts = [...withoutToken].map(([namespace, count]) => `${namespace} (${count})`);
  return html`<p>Requests without a token (IMDSv1): ${
    listed(counts, maxNamespaces) || "none seen"
  }</p>`;
}

function podCells(pod: PodRow, now: number): unknown[] {
  return [
    podLink(pod.namespace, pod.name),
    stateBadge(pod.state),
    pod.message === null
      ? arn(pod.roleArn ?? "–")
      : html`<b>${pod.reason ?? ""}</b> ${pod.message}`,
    lifetimeBar(pod.issuedAt, pod.expiresAt, now),
    pod.node ?? "not scheduled",
  ];
}

function lastPageStart(count: number): number {
  return Math.max(0, Math.ceil(count / pageLength) - 1) * pageLength;
}

function pager({ search }: StatusView, count: number, page: number): Markup | "" {
  const last = Math.max(1, Math.ceil(count / pageLength));
  if (last === 1) return "";
  const link = (to: number, text: string) => {
    const query = new URLSearchParams({ ...search, page: String(to) });
    return to < 1 || to > last ? "" : html`
      <a href="/?${query.toString()}#pods">${text}</a>
    `;
  };
  return html`
    <nav aria-label="Pages of pods">
      <p>${link(page - 1, "Previous")}Page ${page} of ${last} ${link(page + 1, "Next")}</p>
    </nav>
  `;
}

export function roles(view: StatusView): Markup {
  const shown = view.roles.slice(0, pageLength);
  return html`<h2 id="roles-title">Roles</h2>
${
    table(captionOf("role session", view.roles.length, shown.length), [
      { title: "Role", kind: "long" },
      { title: "Session" },
      { title: "STS", kind: "long" },
      { title: "Credentials" },
      { title: "Pods", kind: "figures" },
      { title: "Next call" },
    ], shown.map((role) => roleCells(role, view.at)))
  }`;
}

function roleCells(role: RoleRow, now: number): unknown[] {
  const { arn: roleArn, sessionName, assumedBy, holders, nextAttemptAt } = role;
  return [
    arn(roleArn),
    assumedBy ? html`${sessionName}, assumed by ${arn(assumedBy)}` : sessionName,
    stsResult(role),
    lifetimeBar(role.issuedAt, role.expiresAt, now),
    holders,
    nextAttemptAt === null ? "in progress" : time(Date.parse(nextAttemptAt), now),
  ];
}

function stsResult({ state, lastFault }: RoleRow): Markup {
  if (lastFault === null) {
    return state === "ready" ? badge("good", "ok") : badge("waiting", "requested");
  }
  return html`${badge(state === "ready" ? "waiting" : "bad", lastFault.code)} ${lastFault.message}`;
}

function captionOf(noun: string, count: number, shown: number, from = 0): string {
  if (count === shown) return counted(count, noun);
  return `${counted(count, noun)}, ${from + 1} to ${from + shown} shown`;
}

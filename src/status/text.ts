/** One screen: servers, agents, pods, what is denied, and what to look at next. Pure. */
import type { Status } from "./assess.ts";

const maxProblems = 10;
const maxPods = 3;

export function statusText(status: Status, source: string): string {
  const { servers, agents, redirect, identity, pods, denied, problems } = status;
  const versions = (all: readonly string[]) =>
    all.length === 0 ? "" : `, version ${all.join(", ")}`;
  const lines = [
    status.healthy ? "Healthy." : "Not healthy.",
    "",
    `Servers   ${servers.ready} of ${servers.total} ready${versions(servers.versions)}`,
    `Agents    ${agents.ready} of ${agents.total} ready${versions(agents.versions)}`,
    `Redirect  ${countsText(redirect)}`,
    `Identity  ${countsText(identity)}`,
    `Pods      ${countsText(pods)}`,
    ...(problems.length === 0 ? [] : ["", "Look at:"]),
    ...problems.slice(0, maxProblems).map((problem) => `  ${problem}`),
    ...(problems.length > maxProblems ? [`  and ${problems.length - maxProblems} more`] : []),
    ...(denied.length === 0 ? [] : ["", "Denied:"]),
    ...denied.map(({ reason, message, pods }) => {
      const more = pods.length > maxPods ? ` and ${pods.length - maxPods} more` : "";
      return `  ${reason}: ${message}\n    ${pods.slice(0, maxPods).join(", ")}${more}`;
    }),
    "",
    `Asked: ${source}`,
  ];
  return lines.map((line) => `${line}\n`).join("");
}

function countsText(counts: Readonly<Record<string, number>>): string {
  const texts = Object.entries(counts).map(([name, count]) => `${count} ${name}`);
  return texts.length === 0 ? "none" : texts.join(", ");
}

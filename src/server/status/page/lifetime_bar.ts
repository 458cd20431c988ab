/** The age and remaining lifetime of credentials, as a bar with text. */
import { html, raw } from "hono/html";
import type { Markup } from "./markup.ts";
import { counted, span } from "../../../cli/quantities.ts";

/** Times are `YYYY-MM-DDTHH:MM:SSZ`; a dash if there are no credentials. */
export function lifetimeBar(
  issuedAt: string | null,
  expiresAt: string | null,
  now: number,
): Markup {
  if (issuedAt === null || expiresAt === null) return html`–`;
  const [since, end] = [Date.parse(issuedAt), Date.parse(expiresAt)];
  const minutes = (ms: number) => Math.max(0, Math.floor(ms / 60_000));
  const whole = minutes(end - since);
  const left = Math.min(whole, minutes(end - now));
  const words = `${counted(left, "minute")} left of ${whole}`;
  const [low, high] = [Math.floor(whole / 4), Math.floor(whole / 2)];
  const scale = raw(`min="0" max="${whole}" low="${low}" high="${high}" optimum="${whole}"`);
  return html`<meter ${scale} value="${left}" aria-label="${words}">${words}</meter>
    ${span(end - now)} left, ${span(now - since)} old`;
}

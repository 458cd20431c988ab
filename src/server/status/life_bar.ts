/** Credentials' age and what is left of them, as a bar with its words. */
import { html } from "hono/html";
import type { Markup } from "./markup.ts";
import { counted, span } from "./words.ts";

/** Instants as `YYYY-MM-DDTHH:MM:SSZ`; a dash where there are no credentials. */
export function lifeBar(issuedAt: string | null, expiresAt: string | null, now: number): Markup {
  if (issuedAt === null || expiresAt === null) return html`–`;
  const minutes = (ms: number) => Math.max(0, Math.floor(ms / 60_000));
  const whole = minutes(Date.parse(expiresAt) - Date.parse(issuedAt));
  const left = Math.min(whole, minutes(Date.parse(expiresAt) - now));
  const words = `${counted(left, "minute")} left of ${whole}`;
  return html`
    <meter min="0" max="${whole}" low="${Math.floor(whole / 4)}" high="${Math.floor(
      whole / 2,
    )}" optimum="${whole}"
      value="${left}" aria-label="${words}">${words}</meter> ${span(left * 60_000)} left, ${span(
        (whole - left) * 60_000,
      )} old
  `;
}

/** The search by pod, role, namespace and state: a plain GET form, so that searches have a URL. */
import { html } from "hono/html";
import type { Markup } from "./markup.ts";
import { podStates, type Search } from "../data/view.ts";

export function searchForm(search: Search): Markup {
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

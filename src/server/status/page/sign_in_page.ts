/** The form for the token that the status page requires on the host network. */
import { html } from "hono/html";
import type { Markup } from "./markup.ts";
import { page } from "./page.ts";

/** `message`: why the page can't be shown. */
export function signInPage(message: string): Markup {
  return page({
    title: "Rolecall",
    headline: null,
    links: html``,
    main: html`
      <p class="problems">${message}</p>
      <form method="post" action="/sign-in">
        <label>token<br><input type="password" name="token" autocomplete="off" required></label>
        <button type="submit">Sign in</button>
      </form>
    `,
    version: "",
    live: false,
  });
}

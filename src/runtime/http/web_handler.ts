/** How a listener's requests reach an app that takes web requests, such as one of Hono's. */
import type { Incoming } from "../runtime.ts";

type App = (request: Request, env: { readonly peer: string }) => Promise<Response> | Response;

/** Origin-form targets only; the Host header decides nothing, so it is taken as it comes. */
export function webHandler(
  fetch: App,
): (incoming: Pick<Incoming, "target" | "peer" | "toRequest">) => ReturnType<App> {
  return (incoming) => {
    const url = `http://localhost${incoming.target}`;
    if (!incoming.target.startsWith("/") || !URL.canParse(url)) {
      return new Response("bad target\n", { status: 400 });
    }
    return fetch(incoming.toRequest(url), { peer: incoming.peer });
  };
}

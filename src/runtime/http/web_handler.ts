/** Connects a listener to an app that takes web requests, such as one of Hono's. */
import { type Reply, replyOf } from "../../net/http_messages.ts";
import type { ListenerRequest } from "./types.ts";

type App = (request: Request, env: { readonly peer: string }) => Promise<Response> | Response;

/** Accepts origin-form targets only. The Host header has no influence on the URL. */
export function webHandler(
  fetch: App,
): (incoming: Pick<ListenerRequest, "target" | "peer" | "toRequest">) => Promise<Reply> {
  return async (incoming) => {
    const url = `http://localhost${incoming.target}`;
    if (!incoming.target.startsWith("/") || !URL.canParse(url)) {
      return {
        status: 400,
        headers: [["Content-Type", "text/plain;charset=UTF-8"]],
        body: "bad target\n",
      };
    }
    return replyOf(await fetch(incoming.toRequest(url), { peer: incoming.peer }));
  };
}

/**
 * The metadata front's routes, all of them, over canonical paths. What each answers stands in
 * `answers.ts`; making paths canonical and the limits before any route are `front.ts`'s.
 */
import { type Context, Hono } from "hono";
import type { Answer, Answers } from "./handlers.ts";
import type { Ask, Reply } from "./request_context.ts";
import { isCredentialTree, isTokenTree } from "./passthrough_rule.ts";
import type { BodySource } from "../ports.ts";
import { refuse } from "./refusals.ts";
import { noteRefusal } from "./refused_requests.ts";

export type FrontEnv = { Bindings: { ask: Ask } };

const v = ":version{latest|1\\.0|\\d{4}-\\d\\d-\\d\\d}";
const roles = `/${v}/meta-data/iam/security-credentials`;

/** HEAD goes the way of GET. */
export function createApp(answers: Answers): Hono<FrontEnv> {
  const app = new Hono<FrontEnv>({ strict: false });
  app.all("/latest/api/token", (c) => respond(c, answers.token(askOf(c))));
  app.get(roles, (c) => respond(c, answers.roleList(askOf(c))));
  app.get(
    `${roles}/:role{.+}`,
    (c) => respond(c, answers.credentials(askOf(c), c.req.param("role"))),
  );
  app.get(`/${v}/meta-data/iam/info`, (c) => respond(c, answers.info(askOf(c))));
  app.get("*", (c) => respond(c, answers.passthrough(askOf(c))));
  app.all("*", (c) => respond(c, refuse(isTokenTree(askOf(c).path) ? "not_found" : "method")));
  return app;
}

const rolePath =
  /^\/(?:latest|1\.0|\d{4}-\d\d-\d\d)\/meta-data\/iam\/security-credentials(?:\/(.*?))?\/?$/;

/**
 * The same answer as the app's for what SDKs ask all the time, without the objects of the web; so
 * that credentials leave as fast as they are found. Undefined for any other request.
 */
export function shortCut(answers: Answers, ask: Ask): Answer | undefined {
  const { method } = ask.incoming;
  if (method === "PUT") {
    return ask.path === "/latest/api/token" ? answers.token(ask) : undefined;
  }
  if (method !== "GET" && method !== "HEAD") return undefined;
  const match = rolePath.exec(ask.path);
  if (match === null) return isCredentialTree(ask.path) ? undefined : answers.passthrough(ask);
  const role = match[1] ?? "";
  return role === "" ? answers.roleList(ask) : answers.credentials(ask, role);
}

function askOf(c: Context<FrontEnv>): Ask {
  return c.env.ask;
}

async function respond(c: Context<FrontEnv>, answer: Answer): Promise<Response> {
  const settled = await answer;
  if (settled instanceof Response) return settled;
  noteRefusal(askOf(c), settled);
  return asResponse(settled);
}

function asResponse({ status, headers, body }: Reply): Response {
  const all = new Headers([["Content-Length", String(lengthOf(body))]]);
  for (const [name, value] of headers) all.set(name, value);
  const sent = typeof body === "object" && body !== null && "start" in body ? streamOf(body) : body;
  return new Response(sent as BodyInit | null, { status, headers: all });
}

function lengthOf(body: Reply["body"]): number {
  return typeof body === "string" ? new TextEncoder().encode(body).length : body?.length ?? 0;
}

function streamOf(body: BodySource): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>({
    start(controller) {
      body.start({
        chunk: (bytes) => controller.enqueue(new Uint8Array(bytes)),
        end: () => controller.close(),
        fail: () => controller.error(new Error("the body ended before its end")),
      });
    },
    pull: () => body.resume(),
    cancel: () => body.cancel(),
  }, new ByteLengthQueuingStrategy({ highWaterMark: 65_536 }));
}

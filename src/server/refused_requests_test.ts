import { test } from "node:test";
import assert from "node:assert/strict";
import { Hono } from "hono";
import type { RefusedRequest } from "../telemetry/refused_request.ts";
import { refusedRequests } from "./refused_requests.ts";

function app() {
  const received: RefusedRequest[] = [];
  const app = new Hono<{ Bindings: { readonly peer: string } }>();
  app.use(refusedRequests({ random: () => 0.5, report: (refused) => received.push(refused) }));
  app.get("/v1/good", (c) => c.text("fine"));
  app.get("/v1/bad/:ip", () => new Response("not an agent\n", { status: 403 }));
  const send = async (path: string) => {
    const response = await app.request(path, {}, { peer: "10.0.0.9" });
    return { id: response.headers.get("x-request-id"), text: await response.text() };
  };
  return { send, received };
}

test("a refused request has an ID, in the log too, and its text is complete", async () => {
  const { send, received } = app();
  const { id, text } = await send("/v1/bad/10.0.0.1");
  assert.match(id ?? "", /^[0-9a-z]{5}-1$/);
  assert.equal(text, "not an agent\n");
  const route = "/v1/bad/:ip";
  const fields = { peer: "10.0.0.9", method: "GET", route, status: 403, answer: "not an agent" };
  assert.deepEqual(received, [{ requestId: id, ...fields }]);
});

test("successes and 404s are not refusals", async () => {
  const { send, received } = app();
  assert.equal((await send("/v1/good")).id, null);
  assert.equal((await send("/v1/none")).id, null);
  assert.deepEqual(received, []);
});

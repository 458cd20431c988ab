import { test } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import { fakeIncoming } from "../../../tests/fakes/incoming.ts";
import { ManualClock } from "../../../tests/fakes/manual_clock.ts";
import { createFront } from "../http/front.ts";
import type { ImdsHandlers } from "./handlers.ts";
import { refuse } from "./refusals.ts";
import { beforeRole, imdsRoutes } from "./routes.ts";

/** Handlers that say which of them was called, and what for. */
const named = (body: string) => () => ({ status: 200, headers: [], body });
const handlers: ImdsHandlers = {
  token: named("token"),
  roleList: named("list"),
  credentials: ({ params }) => named(`credentials ${params["role"]}`)(),
  info: named("info"),
  passthrough: named("passthrough"),
  notFound: named("not found"),
};

const routes: string[] = [];
const front = createFront({
  routes: imdsRoutes(handlers),
  unrouted: "refused",
  strict: false,
  clock: new ManualClock(),
  podRate: 0,
  hostProblem: () => undefined,
  encodedSlashes: beforeRole,
  refuse,
  answered: (route) => void routes.push(route),
});

async function byApp(method: string, target: string) {
  const response = await front.app.request(target, { method }, { peer: "10.0.0.7" });
  return { status: response.status, body: await response.text() };
}

async function offTheWire(method: string, target: string) {
  const { status, body } = await front.answer(fakeIncoming({ method, target }));
  return { status, body: method === "HEAD" ? "" : String(body) };
}

const roles = "/latest/meta-data/iam/security-credentials";

// method, target, route, what answers
const rows = [
  ["PUT", "/latest/api/token", "token", "token"],
  ["PUT", "/latest/api/token/", "token", "token"],
  ["GET", "/latest/api/token", "token", "token"],
  ["PUT", "/latest/api/token/x", "blocked", "not found"],
  ["PUT", "/1.0/api/token", "blocked", "not found"],
  ["GET", roles, "roles", "list"],
  ["GET", `${roles}/`, "roles", "list"],
  ["POST", roles, "roles", "only GET and HEAD are allowed\n"],
  ["GET", `${roles}/a`, "roles", "credentials a"],
  ["GET", `${roles}/a/b/`, "roles", "credentials a/b"],
  ["GET", `${roles}/security-credentials`, "roles", "credentials security-credentials"],
  ["GET", "/1.0/meta-data/iam/security-credentials/a", "roles", "credentials a"],
  ["GET", "/2021-01-03/meta-data/iam/security-credentials/a", "roles", "credentials a"],
  ["GET", "/latest/meta-data/iam/info", "info", "info"],
  ["GET", "/latest/meta-data/iam/info/", "info", "info"],
  ["GET", "/latest/meta-data/iam/info/x", "blocked", "not found"],
  ["GET", "/latestx/meta-data/iam/security-credentials/a", "blocked", "not found"],
  ["GET", "/x1.0/meta-data/iam/security-credentials/a", "blocked", "not found"],
  ["GET", "/x/meta-data/iam/security-credentials/a", "blocked", "not found"],
  ["GET", "/latest/Meta-Data/IAM/info", "blocked", "not found"],
  ["POST", "/latest/meta-data/iam", "blocked", "only GET and HEAD are allowed\n"],
  ["GET", "/latest/meta-data/iamx", "metadata", "passthrough"],
  ["GET", "/", "metadata", "passthrough"],
  ["GET", "/latest/meta-data/", "metadata", "passthrough"],
  ["DELETE", "/", "metadata", "only GET and HEAD are allowed\n"],
] as const;

for (const [method, target, route, body] of rows) {
  test(`routes: ${method} ${target}: ${route}, ${body}`, async () => {
    assert.equal((await offTheWire(method, target)).body, body);
    assert.equal(routes.at(-1), route);
    assert.equal((await byApp(method, target)).body, body);
  });
}

test("routes: as a Hono app, and off the wire, every request has the same answer", async () => {
  const piece = fc.constantFrom(
    ..."/ latest 1.0 2021-01-03 meta-data iam security-credentials reader api token info a:b .x"
      .split(" "),
    roles,
    "/latest/api/token",
  );
  const target = fc.array(piece, { maxLength: 6 }).map((pieces) => `/${pieces.join("/")}`);
  const method = fc.constantFrom("GET", "HEAD", "PUT", "POST");
  await fc.assert(fc.asyncProperty(method, target, async (verb, text) => {
    assert.deepEqual(await byApp(verb, `http://h${text}`), await offTheWire(verb, text));
  }));
});

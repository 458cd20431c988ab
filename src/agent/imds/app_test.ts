import { test } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import { fakeIncoming } from "../../../tests/fakes/incoming.ts";
import { type Answers } from "./handlers.ts";
import { createApp, shortCut } from "./app.ts";
import { canonicalPath } from "./canonical_path.ts";

/** Answers that tell which of them was asked, and what for. */
const answers: Answers = {
  token: () => named("token"),
  roleList: () => named("list"),
  credentials: (_ask, role) => named(`credentials ${role}`),
  info: () => named("info"),
  passthrough: () => named("passthrough"),
};
const named = (body: string) => ({ status: 200, headers: [], body });

async function byApp(method: string, path: string): Promise<string> {
  const ask = { incoming: fakeIncoming({ method, target: path }), path };
  const request = new Request(`http://h${path}`, { method: method === "HEAD" ? "GET" : method });
  return await (await createApp(answers).fetch(request, { ask })).text();
}

const roles = "/latest/meta-data/iam/security-credentials";

// method, path, who answers
const rows = [
  ["PUT", "/latest/api/token", "token"],
  ["PUT", "/latest/api/token/", "token"],
  ["GET", "/latest/api/token", "token"],
  ["GET", roles, "list"],
  ["GET", `${roles}/`, "list"],
  ["GET", `${roles}/a`, "credentials a"],
  ["GET", `${roles}/a/b`, "credentials a/b"],
  ["GET", "/latest/meta-data/iam/info", "info"],
  ["GET", "/latest/meta-data/iam/info/", "info"],
  ["GET", "/latest/meta-data/iam/info/x", "passthrough"],
  ["GET", "/", "passthrough"],
  ["GET", "/x/meta-data/iam/security-credentials/a", "passthrough"],
] as const;

for (const [method, path, who] of rows) {
  test(`app: ${method} ${path}: ${who}`, async () => assert.equal(await byApp(method, path), who));
}

test("app: the short cut answers as the app does", async () => {
  const piece = fc.constantFrom(
    ..."/ latest 1.0 2021-01-03 meta-data iam security-credentials reader api token info a:b .x"
      .split(" "),
    roles,
    "/latest/api/token",
  );
  const target = fc.array(piece, { maxLength: 6 }).map((pieces) => `/${pieces.join("/")}`);
  const method = fc.constantFrom("GET", "HEAD", "PUT", "POST");
  await fc.assert(fc.asyncProperty(method, target, async (verb, text) => {
    const path = canonicalPath(text);
    if (path === undefined) return;
    const ask = { incoming: fakeIncoming({ method: verb, target: text }), path };
    const short = await shortCut(answers, ask);
    if (short === undefined || short instanceof Response) return;
    const role = String(short.body).replace(/\/$/, "");
    assert.equal((await byApp(verb, path)).replace(/\/$/, ""), role);
  }));
});

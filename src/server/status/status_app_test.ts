import { test } from "node:test";
import assert from "node:assert/strict";
import { HtmlValidate, StaticConfigLoader } from "html-validate";
import { ManualClock } from "../../../tests/fakes/manual_clock.ts";
import { podRow, summary } from "../../../tests/fakes/summaries.ts";
import { mergeSummaries } from "./data/merged_summary.ts";
import { refuse } from "../access/refusal.ts";
import type { StatusAccess } from "../access/status_access.ts";
import { createStatusApp } from "./status_app.ts";

function appWith(access: StatusAccess) {
  const app = createStatusApp({
    access,
    failed: (error) => assert.fail(error),
    clock: new ManualClock(),
    signal: AbortSignal.abort(),
    summary: () => Promise.resolve(mergeSummaries(summary({ pods: [podRow()] }), [])),
    explanation: () => Promise.resolve(null),
    renew: () => assert.fail("renewed"),
    unlisted: () => [],
  });
  return {
    request: (path: string, init: RequestInit) => app.request(path, init, { peer: "127.0.0.1" }),
  };
}

const app = appWith(() => Promise.resolve(null));

const paths = ["/", "/?pod=web", "/pods/shop/web", "/events?page=/", "/api/summary", "/nowhere"];

for (const path of paths) {
  test(`GET ${path}: 403 for a Host that isn't loopback, so that no other website can read it`, async () => {
    for (const host of ["evil.example", "evil.example:9622", "localhost.evil.example", ""]) {
      const response = await app.request(path, { headers: { host } });
      assert.equal(response.status, 403);
      assert.ok(!(await response.text()).includes("shop"));
    }
  });
}

for (const path of ["/", "/pods/shop/web", "/api/summary"]) {
  test(`GET ${path}: not stored by browsers or proxies`, async () => {
    const response = await app.request(path, { headers: { host: "127.0.0.1:9622" } });
    assert.equal(response.headers.get("cache-control"), "no-store");
  });
}

test("createStatusApp() browsers may run nothing but the page's own script and style", async () => {
  for (const path of ["/", "/pods/shop/none", "/events?page=/nowhere", "/api/summary", "/none"]) {
    const { headers } = await app.request(path, { headers: { host: "localhost" } });
    const policy = headers.get("content-security-policy") ?? "";
    assert.match(
      policy,
      /^default-src 'none'; style-src 'sha256-[^']+'; script-src 'sha256-[^']+';/,
    );
    assert.match(policy, /frame-ancestors 'none'/);
    assert.equal(headers.get("x-content-type-options"), "nosniff");
    assert.equal(headers.get("cross-origin-resource-policy"), "same-origin");
  }
});

const closed = appWith((authorization) =>
  Promise.resolve(authorization === "Bearer good" ? null : refuse(401, "no <bearer> token"))
);
const host = "localhost:9622";

for (const path of [...paths.filter((path) => path !== "/nowhere"), "/api/pods/shop/web"]) {
  test(`GET ${path}: 401 without a token if one is required`, async () => {
    const response = await closed.request(path, { headers: { host } });
    assert.deepEqual([response.status, response.headers.get("www-authenticate")], [401, "Bearer"]);
    assert.equal(await response.text(), "no <bearer> token\n");
  });
}

test("POST /api/renew: refused by Host and without a token, as the pages are", async () => {
  const init = { method: "POST", body: "{}" };
  const foreign = await app.request("/api/renew", { ...init, headers: { host: "evil.example" } });
  const bare = await closed.request("/api/renew", { ...init, headers: { host } });
  assert.deepEqual([foreign.status, bare.status], [403, 401]);
});

test("a token is accepted in the Authorization header", async () => {
  const headers = { host, authorization: "Bearer good" };
  assert.equal((await closed.request("/api/summary", { headers })).status, 200);
});

test("a browser gets a form for the token, and then a cookie", async () => {
  const browser = { host, accept: "text/html,*/*" };
  const form = await closed.request("/pods/shop/web", { headers: browser });
  assert.deepEqual([form.status, form.headers.get("cache-control")], [401, "no-store"]);
  assert.deepEqual(await problemsOf(form), []);
  const signIn = (token: string) =>
    closed.request("/sign-in", {
      method: "POST",
      headers: { ...browser, "content-type": "application/x-www-form-urlencoded" },
      body: new URLSearchParams({ token }).toString(),
    });
  assert.equal((await signIn("bad")).status, 401);
  const signedIn = await signIn(" good\n");
  assert.deepEqual([signedIn.status, signedIn.headers.get("location")], [303, "/"]);
  const cookie = signedIn.headers.get("set-cookie") ?? "";
  assert.equal(cookie, "rolecall-status=good; Path=/; HttpOnly; SameSite=Strict");
  const page = await closed.request("/", {
    headers: { ...browser, cookie: "rolecall-status=good" },
  });
  assert.equal(page.status, 200);
});

test("POST /sign-in: not from another site, and not more than a form", async () => {
  const post = (headers: Record<string, string>, body: string) =>
    closed.request("/sign-in", { method: "POST", headers, body });
  assert.equal((await post({ host: "evil.example" }, "token=good")).status, 403);
  assert.equal((await post({ host }, `token=${"x".repeat(20_000)}`)).status, 413);
});

async function problemsOf(page: Response): Promise<string[]> {
  const validator = new HtmlValidate(
    new StaticConfigLoader({
      root: true,
      extends: ["html-validate:standard", "html-validate:a11y"],
    }),
  );
  const { results } = await validator.validateString(await page.text());
  return results.flatMap(({ messages }) => messages.map(({ message }) => message));
}

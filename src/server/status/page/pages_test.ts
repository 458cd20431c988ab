import { test } from "node:test";
import assert from "node:assert/strict";
import { HtmlValidate, StaticConfigLoader } from "html-validate";
import { ManualClock } from "../../../../tests/fakes/manual_clock.ts";
import { agentRow, podRow, summary } from "../../../../tests/fakes/summaries.ts";
import type { Explanation } from "../../../policy/explanation.ts";
import { mergeSummaries } from "../data/merged_summary.ts";
import type { RoleRow } from "../data/role_row.ts";
import type { Summary } from "../data/summary.ts";
import { createPages } from "./pages.ts";

const roleRow: RoleRow = {
  arn: "arn:aws:iam::111122223333:role/reader",
  sessionName: "shop.default",
  holders: 1,
  state: "ready",
  lastFault: null,
  nextAttemptAt: "2026-01-01T00:20:00Z",
  issuedAt: "2026-01-01T00:00:00Z",
  expiresAt: "2026-01-01T01:00:00Z",
};
const denied = podRow({
  uid: "uid-curious",
  name: "curious",
  state: "denied",
  reason: "NotPermitted",
  requested: "admin",
  message: "namespace shop: not that; change the expression",
  roleArn: null,
  issuedAt: null,
  expiresAt: null,
});
const explanation: Explanation = {
  namespace: "shop",
  pod: "web",
  outcome: "credentials",
  reason: null,
  message: null,
  remedy: null,
  steps: [{ step: "pod", state: "ok", found: "on node n1" }],
};

function pages(changes: Partial<Summary> = {}, about: Explanation | null = explanation) {
  const clock = new ManualClock();
  const stop = new AbortController();
  let own = summary({
    agents: [agentRow()],
    pods: [podRow(), denied],
    roles: [roleRow],
    ...changes,
  });
  let requested = 0;
  const app = createPages({
    clock,
    signal: stop.signal,
    summary: () => {
      requested++;
      return Promise.resolve(mergeSummaries(own, []));
    },
    explanation: () => Promise.resolve(about),
  });
  const get = async (path: string) => await (await app.request(path)).text();
  const become = (next: Partial<Summary>) => own = summary(next);
  return { app, get, clock, stop, become, requested: () => requested };
}

/** What a reader sees, without marks and with single spaces. */
function textOf(page: string): string {
  const content = page.replaceAll(/<(script|style).*?<\/\1>|<wbr>/gs, "");
  return content.replaceAll(/<[^>]*>/g, " ")
    .replaceAll(/\s+/g, " ");
}

test("GET /: agents, roles, and pods with their remedies, most severe first", async () => {
  const page = await pages().get("/");
  const text = textOf(page);
  assert.match(text, /1 of 1 agent healthy, 1 pod with credentials, 1 denied\./);
  assert.match(text, /shop\/curious denied NotPermitted namespace shop: not that; change the expr/);
  assert.match(
    text,
    /shop\/web ready arn:aws:iam::111122223333:role\/reader 60 minutes left of 60/,
  );
  assert.ok(page.indexOf("/pods/shop/curious") < page.indexOf("/pods/shop/web"));
});

test("GET / and a pod's page: who makes requests without a token", async () => {
  const none = await pages().get("/");
  assert.match(textOf(none), /Requests without a token \(IMDSv1\): none seen/);
  const at = "2026-01-01T00:05:00Z";
  const shown = pages({ pods: [podRow({ lastWithoutToken: at }), denied] });
  assert.match(textOf(await shown.get("/")), /Requests without a token \(IMDSv1\): shop \(1\)/);
  const page = textOf(await shown.get("/pods/shop/web"));
  assert.match(page, /Last request without a token 2026-01-01T00:05:00Z/);
});

test("GET /: a heading for each section, a caption for each table, a label for each field", async () => {
  const page = await pages().get("/");
  for (const id of ["health", "agents", "pods", "roles", "timeline"]) {
    assert.ok(page.includes(`<section id="${id}" aria-labelledby="${id}-title"`), id);
    assert.ok(page.includes(`<h2 id="${id}-title">`), id);
  }
  assert.equal(page.match(/<table/g)?.length, page.match(/<caption>/g)?.length);
  assert.match(page, /<p id="headline" role="status"/);
  assert.match(page, /<label>namespace<br><input type="search" name="namespace"/);
});

const validator = new HtmlValidate(
  new StaticConfigLoader({
    root: true,
    extends: ["html-validate:standard", "html-validate:a11y"],
    // ARIA in HTML forbids roles on the parts of a table.
    rules: { "no-redundant-role": "error", "no-implicit-button-type": "error" },
  }),
);

for (const path of ["/", "/?page=3&state=denied", "/pods/shop/web", "/pods/shop/none"]) {
  test(`GET ${path}: valid HTML`, async () => {
    const many = Array.from({ length: 250 }, (_, n) => podRow({ uid: `u${n}`, name: `web-${n}` }));
    const { get } = pages({ pods: [...many, denied] }, path.endsWith("none") ? null : explanation);
    const { results } = await validator.validateString(await get(path));
    const found = results.flatMap(({ messages }) =>
      messages.map(({ line, ruleId, message }) => `${line}: ${message} (${ruleId})`)
    );
    assert.deepEqual(found, []);
  });
}

// what a search leaves
const searches = [
  ["", ["web", "curious"]],
  ["?pod=CURI", ["curious"]],
  ["?role=reader", ["web"]],
  ["?role=111122223333", ["web"]],
  ["?role=Admin", ["curious"]],
  ["?namespace=other", []],
  ["?state=ready", ["web"]],
  ["?state=%3Cscript%3E", ["web", "curious"]],
  ["?page=99", ["web", "curious"]],
  ["?page=-1", ["web", "curious"]],
] as const;

for (const [query, names] of searches) {
  test(`GET /${query} finds ${names.join(", ") || "no pod"}`, async () => {
    const page = await pages().get(`/${query}`);
    const links = [...page.matchAll(/href="\/pods\/shop\/(\w+)"/g)].map(([, name]) => name).sort();
    assert.deepEqual(links, [...names].sort());
  });
}

test("GET /: a role that is assumed with a trust role's session names it", async () => {
  const chained = { ...roleRow, assumedBy: "arn:aws:iam::111122223333:role/trust-shop" };
  const { get } = pages({ roles: [chained] });
  assert.match(textOf(await get("/")), /shop.default, assumed by .*trust-shop/);
});

test("GET /: 100 pods per page", async () => {
  const pods = Array.from({ length: 250 }, (_, n) => podRow({ uid: `u${n}`, name: `web-${n}` }));
  const page = await pages({ pods }).get("/?page=3&namespace=shop");
  assert.equal(page.match(/href="\/pods\//g)?.length, 50);
  assert.match(textOf(page), /250 pods, 201 to 250 shown/);
  assert.match(page, /href="\/\?[^"]*namespace=shop[^"]*page=2#pods"/);
});

const hostile = `"><script>alert(1)</script><img src=x onerror='a'>&`;

test("names and reasons with HTML in them are escaped", async () => {
  const pods = [podRow({
    name: hostile,
    namespace: hostile,
    node: hostile,
    state: "denied",
    reason: hostile,
    message: hostile,
  })];
  const event = { at: 0, times: 1, kind: "denied", roleArn: null, sessionName: null } as const;
  const { get, app } = pages({
    pods,
    replica: hostile,
    missing: [hostile],
    agents: [agentRow({ node: hostile, pod: hostile })],
    roles: [{ ...roleRow, arn: hostile, lastFault: { code: hostile, message: hostile } }],
    timeline: {
      minutes: [],
      latest: [{ ...event, namespace: hostile, pod: hostile, pods: 1, reason: hostile }],
    },
  }, {
    ...explanation,
    steps: [{ step: "pod", state: "failed", found: hostile, remedy: hostile }],
  });
  const query = `?pod=${encodeURIComponent(hostile)}`;
  const path = `/pods/${encodeURIComponent(hostile)}/x`;
  for (const page of [await get("/"), await get(`/${query}`), await get(path)]) {
    assert.equal(page.match(/<script/g)?.length, 1, "ours alone");
    assert.ok(!page.includes("<img"));
    assert.ok(!page.includes("onerror='"));
  }
  const missing = await app.request("/pods/%3Cscript%3E/x");
  assert.ok(!(await missing.text()).includes("<script>"));
});

test("GET /pods/NAMESPACE/NAME: the steps of explain, and the pod's facts", async () => {
  const page = textOf(await pages().get("/pods/shop/web"));
  assert.match(page, /The pod gets credentials\./);
  assert.match(page, /pod ok on node n1/);
  assert.match(page, /Session shop\.default/);
  assert.match(page, /Access key ID ASIAKEY1/);
});

test("GET /pods/NAMESPACE/NAME: 404 with a page for an unknown pod", async () => {
  const { app } = pages({}, null);
  const response = await app.request("/pods/shop/none");
  assert.equal(response.status, 404);
  assert.match(textOf(await response.text()), /There is no such pod/);
});

test("GET /events: all sections, then changed ones, and an end when the server stops", async () => {
  const { app, clock, become, stop } = pages();
  const response = await app.request("/events?page=/");
  assert.equal(response.headers.get("content-type"), "text/event-stream");
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  const first = (await reader.read()).value ?? "";
  assert.deepEqual(idsOf(first), ["headline", "health", "agents", "pods", "roles", "timeline"]);
  become({ agents: [agentRow()], pods: [podRow(), denied], roles: [] });
  const second = reader.read();
  await clock.advance(2_000);
  assert.deepEqual(idsOf((await second).value ?? ""), ["roles"]);
  const end = reader.read();
  await clock.advance(0);
  stop.abort();
  assert.equal((await end).done, true);
  assert.equal(clock.pending(), 0);
});

test("GET /events: a comment after 15 s of silence, so that closed connections are noticed", async () => {
  const { app, clock, stop } = pages();
  const response = await app.request("/events?page=/pods/shop/web");
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  assert.deepEqual(idsOf((await reader.read()).value ?? ""), [
    "headline",
    "steps",
    "facts",
    "history",
  ]);
  const word = reader.read();
  for (let second = 0; second < 16; second++) await clock.advance(1_000);
  assert.equal((await word).value, ":\n\n");
  stop.abort();
});

test("GET /events: at most 24 at once; a closed one frees its slot", async () => {
  const { app } = pages();
  const open = await Promise.all(
    Array.from({ length: 24 }, () => app.request("/events?page=/")),
  );
  assert.equal((await app.request("/events?page=/")).status, 503);
  await open[0]!.body!.cancel();
  const next = await app.request("/events?page=/");
  assert.equal(next.status, 200);
  for (const { body } of [...open.slice(1), next]) await body!.cancel();
});

for (const page of ["x", "/nowhere", "/pods/a", "/pods/a/b/c", "http://evil.example/x"]) {
  test(`GET /events?page=${page}: 404`, async () => {
    assert.equal((await pages().app.request(`/events?page=${page}`)).status, 404);
  });
}

test("requests at the same time share one fetch from the replicas, whatever the wall clock does", async () => {
  const { get, requested, clock } = pages();
  await Promise.all([get("/"), get("/"), get("/?pod=x")]);
  assert.equal(requested(), 1);
  clock.setWall(0);
  await clock.advance(1500);
  await get("/");
  assert.equal(requested(), 2);
});

function idsOf(events: string): string[] {
  return [...events.matchAll(/^event: section\ndata: (.*)$/gm)].map(([, data]) =>
    JSON.parse(data!).id
  );
}

const redirect = { kind: "nftables", inPlace: true, repairs: 0 };

/** One agent with an otherwise usual report. */
function reported(more: object) {
  const report = { version: "1", ready: true, assignments: 1, redirect, ...more };
  return { agents: [agentRow({ report })], pods: [] };
}

test("GET /: how each agent identifies pods, and which had to do without the kernel", async () => {
  const well = textOf(await pages(reported({ identity: "kernel" })).get("/"));
  assert.match(well, /Identity.*kernel/);
  assert.doesNotMatch(well, /without the kernel/);
  assert.match(
    textOf(await pages(reported({ identity: "address", identityFallback: true })).get("/")),
    /Needs attention.*1 agent without the kernel to identify pods.*address, kernel not available/,
  );
});

test("GET /: which nodes the boot guard's unit closes from boot", async () => {
  assert.match(
    textOf(await pages(reported({ closedFromBoot: false })).get("/")),
    /Needs attention.*1 node open to pods from boot until the agent runs.*nftables missing/,
  );
  const well = textOf(await pages(reported({ closedFromBoot: true })).get("/"));
  assert.match(well, /Healthy.*Boot guard.*nftables in place/);
  const unused = textOf(await pages(reported({})).get("/"));
  assert.match(unused, /Healthy.*nftables –/);
});

test("GET /: an agent without policy routing is a problem; one that doesn't report it is not", async () => {
  const about = (guarded: object) => reported({ redirect: { ...redirect, ...guarded } });
  assert.match(
    textOf(await pages(about({ guarded: false })).get("/")),
    /Needs attention.*1 agent without policy routing.*nftables no policy routing/,
  );
  for (const well of [{ guarded: true }, {}]) {
    const text = textOf(await pages(about(well)).get("/"));
    assert.match(text, /Healthy 1 of 1 agent healthy/);
    assert.doesNotMatch(text, /policy routing/);
  }
});

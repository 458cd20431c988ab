import { test } from "node:test";
import assert from "node:assert/strict";
import { FakeWatch, listOf, openFakeApi, refusal } from "../../../tests/fakes/kubernetes_api.ts";
import { flushPromises, type ManualClock } from "../../../tests/fakes/manual_clock.ts";
import { quietLog } from "../../../tests/fakes/quiet_log.ts";
import { namespaces } from "../objects/objects.ts";
import { Reflector } from "./reflector.ts";

const first = "GET /api/v1/namespaces?limit=100";
const watchFrom = (version: string) =>
  "GET /api/v1/namespaces?watch=1&allowWatchBookmarks=true&timeoutSeconds=5&resourceVersion=" +
  version;

function namespace(name: string, resourceVersion: string, permitted?: string) {
  const annotations = permitted === undefined ? {} : { "iam.amazonaws.com/permitted": permitted };
  return { metadata: { name, resourceVersion, annotations } };
}

/** A reflector of namespaces over a scripted API; `seen` is what its sink received. */
function started(options: { poison?: string } = {}) {
  const { fake, clock, api } = openFakeApi({ Authorization: "Bearer tell-nobody" });
  const seen: string[] = [];
  const warnings: string[] = [];
  const log = { ...quietLog, warn: (fields: object) => void warnings.push(JSON.stringify(fields)) };
  const sink = {
    replace: (items: readonly { name: string }[]) =>
      void seen.push(`= ${items.map((item) => item.name).join(" ")}`),
    upsert: (item: { name: string; permitted: string | null }) => {
      if (item.name === options.poison) throw new Error("the sink stumbles");
      seen.push(`+ ${item.name}${item.permitted === null ? "" : ` ${item.permitted}`}`);
    },
    remove: (key: string) => void seen.push(`- ${key}`),
  };
  const reflector = new Reflector({
    api,
    resource: namespaces,
    sink,
    clock,
    random: () => 1,
    log,
  });
  const stop = new AbortController();
  const run = async () => {
    const running = reflector.run(stop.signal);
    await flushPromises();
    return running;
  };
  return { fake, clock, seen, warnings, reflector, stop, run };
}

async function advance(clock: ManualClock, ms: number) {
  await clock.advance(ms);
  await flushPromises();
}

test("Reflector lists in pages, then watches from the list's resourceVersion", async () => {
  const at = started();
  at.fake.answer(listOf("7", [namespace("a", "1")], "more"), listOf("7", [namespace("b", "2")]));
  void at.run();
  await flushPromises();
  assert.deepEqual(at.fake.trace(), [first, `${first}&continue=more`, watchFrom("7")]);
  assert.deepEqual(at.seen, ["= a b"]);
  assert.equal(at.reflector.synced, true);
  at.stop.abort();
});

for (const size of [1, 2, 7, 64, Infinity]) {
  test(`Reflector reads events from chunks of ${size} bytes`, async () => {
    const at = started();
    const watch = new FakeWatch(size);
    at.fake.answer(listOf("1", []), watch);
    void at.run();
    await flushPromises();
    watch.event("ADDED", namespace("ä", "2", "arn:ö.*"));
    watch.event("MODIFIED", namespace("ä", "3", "𝒙"));
    watch.event("DELETED", namespace("ä", "4"));
    watch.event("BOOKMARK", { kind: "Namespace", metadata: { resourceVersion: "9" } });
    watch.end();
    await flushPromises();
    await advance(at.clock, 500);
    assert.deepEqual(at.seen, ["= ", "+ ä arn:ö.*", "+ ä 𝒙", "- ä"]);
    assert.equal(at.fake.trace().at(-1), watchFrom("9"));
    at.stop.abort();
  });
}

test("Reflector resumes from the last event after a truncated line", async () => {
  const at = started();
  const watch = new FakeWatch();
  at.fake.answer(listOf("1", []), watch);
  void at.run();
  await flushPromises();
  watch.event("ADDED", namespace("a", "5")).bytes('{"type":"ADDED","object":{"meta');
  watch.fail("connection reset by peer");
  await flushPromises();
  assert.match(at.reflector.status().lastError ?? "", /connection reset/);
  await advance(at.clock, 250);
  assert.equal(at.fake.trace().at(-1), watchFrom("5"));
  assert.deepEqual(at.seen, ["= ", "+ a"]);
  at.stop.abort();
});

// name, the line that ends the watch, what is asked next
const endings = [
  ["broken JSON", "{nonsense}\n", watchFrom("5")],
  ["a page", "<html>\n<body>Sign in</body></html>", watchFrom("5")],
  ["no object", "null\n", watchFrom("5")],
  ["an unknown type", '{"type":"PARTED","object":{}}\n', watchFrom("5")],
  ["ERROR 410", '{"type":"ERROR","object":{"code":410,"reason":"Expired"}}\n', first],
  ["ERROR 500", '{"type":"ERROR","object":{"code":500,"message":"etcd"}}\n', watchFrom("5")],
  ["ERROR without a status", '{"type":"ERROR"}\n', watchFrom("5")],
] as const;

for (const [name, line, next] of endings) {
  test(`Reflector after ${name} in a watch: ${next.slice(4, 40)}…`, async () => {
    const at = started();
    const watch = new FakeWatch();
    at.fake.answer(listOf("1", []), watch);
    void at.run();
    await flushPromises();
    watch.event("ADDED", namespace("a", "5")).bytes(line);
    await flushPromises();
    assert.equal(at.reflector.status().restarts, 1);
    assert.equal(watch.cancelled, true);
    await advance(at.clock, 250);
    assert.equal(at.fake.trace().at(-1), next);
    at.stop.abort();
  });
}

// name, answers after the first list, requests after it
const refusals = [
  ["410 to the watch", [refusal(410, "too old")], [watchFrom("1"), first]],
  ["500 to the watch", [refusal(500, "etcd")], [watchFrom("1"), watchFrom("1")]],
] as const;

for (const [name, answers, expected] of refusals) {
  test(`Reflector after ${name}`, async () => {
    const at = started();
    at.fake.answer(listOf("1", [namespace("a", "1")]), ...answers);
    void at.run();
    await flushPromises();
    await advance(at.clock, 250);
    assert.deepEqual(at.fake.trace().slice(1), expected);
    assert.deepEqual(at.seen, ["= a"]);
    at.stop.abort();
  });
}

test("Reflector restarts a list whose continue token has expired", async () => {
  const at = started();
  at.fake.answer(listOf("7", [namespace("a", "1")], "old"), refusal(410, "continue expired"));
  at.fake.answer(listOf("9", [namespace("b", "1")]));
  void at.run();
  await flushPromises();
  await advance(at.clock, 250);
  assert.deepEqual(at.fake.trace(), [first, `${first}&continue=old`, first, watchFrom("9")]);
  assert.deepEqual(at.seen, ["= b"]);
  at.stop.abort();
});

test("Reflector honours Retry-After of a 429", async () => {
  const at = started();
  at.fake.answer(refusal(429, "slow down", { "retry-after": "7" }), listOf("1", []));
  void at.run();
  await flushPromises();
  await advance(at.clock, 6_999);
  assert.equal(at.fake.requests.length, 1);
  await advance(at.clock, 1);
  assert.equal(at.reflector.synced, true);
  at.stop.abort();
});

test("Reflector backs off from 0.25 s to 30 s while the API is down", async () => {
  const at = started();
  const away = () => Promise.reject(new Error("connect ECONNREFUSED"));
  at.fake.answer(...Array.from({ length: 12 }, () => away));
  void at.run();
  await flushPromises();
  const waits = [];
  for (let round = 0; round < 9; round++) {
    const [before, since] = [at.fake.requests.length, at.clock.now()];
    for (let step = 0; step < 200 && at.fake.requests.length === before; step++) {
      await at.clock.advance(250);
    }
    waits.push(at.clock.now() - since);
  }
  assert.deepEqual(waits, [250, 500, 1000, 2000, 4000, 8000, 16000, 30000, 30000]);
  assert.equal(at.reflector.watchAgeSeconds(), Infinity);
  at.stop.abort();
});

test("Reflector: a watch that is refused right after it opens is no update", async () => {
  const at = started();
  const away = () => Promise.reject(new Error("connect ECONNREFUSED"));
  const watch = new FakeWatch();
  at.fake.answer(listOf("1", []), away, away, away, away, away, away, watch);
  void at.run();
  await flushPromises();
  await advance(at.clock, 15_750);
  assert.equal(at.fake.requests.length, 8);
  watch.event("ERROR", { code: 410, reason: "Expired" });
  await flushPromises();
  assert.equal(at.reflector.watchAgeSeconds(), 15.75);
  at.fake.answer(listOf("8", []));
  await advance(at.clock, 250);
  assert.equal(at.reflector.watchAgeSeconds(), 0);
  at.stop.abort();
});

test("Reflector: a watch that stays open for a second is an update", async () => {
  const at = started();
  const away = () => Promise.reject(new Error("connect ECONNREFUSED"));
  at.fake.answer(listOf("1", []), away, new FakeWatch());
  void at.run();
  await flushPromises();
  await advance(at.clock, 1_249);
  assert.equal(at.reflector.watchAgeSeconds(), 1.249);
  await advance(at.clock, 1);
  assert.equal(at.reflector.watchAgeSeconds(), 0);
  assert.equal(at.reflector.status().lastError, null);
  at.stop.abort();
});

test("Reflector gives up a watch that hasn't ended after 10 s and keeps the state", async () => {
  const at = started();
  const watch = new FakeWatch();
  at.fake.answer(listOf("1", [namespace("a", "1")]), watch);
  void at.run();
  await flushPromises();
  await advance(at.clock, 9_999);
  assert.equal(watch.cancelled, false);
  assert.equal(at.reflector.watchAgeSeconds(), 8.999);
  await advance(at.clock, 1);
  assert.equal(watch.cancelled, true);
  assert.match(at.reflector.status().lastError ?? "", /no end after 10 s/);
  assert.deepEqual(at.seen, ["= a"]);
  at.stop.abort();
});

test("Reflector watchAgeSeconds is the age of the data, however late it is read", async () => {
  const at = started();
  const watch = new FakeWatch();
  at.fake.answer(listOf("1", []), watch, new FakeWatch());
  void at.run();
  await flushPromises();
  // As after SIGSTOP: what the API said by then is read 8 s after the watch began.
  await advance(at.clock, 8_000);
  watch.event("ADDED", namespace("a", "2"));
  await flushPromises();
  assert.deepEqual(at.seen, ["= ", "+ a"]);
  assert.equal(at.reflector.watchAgeSeconds(), 3);
  watch.end();
  await flushPromises();
  assert.equal(at.reflector.watchAgeSeconds(), 3);
  await advance(at.clock, 1_000);
  assert.equal(at.reflector.watchAgeSeconds(), 0);
  at.stop.abort();
});

test("Reflector watchAgeSeconds counts from the request of a list", async () => {
  const at = started();
  const page = Promise.withResolvers<Response>();
  at.fake.answer(() => page.promise, new FakeWatch());
  void at.run();
  await flushPromises();
  await advance(at.clock, 20_000);
  page.resolve(listOf("1", []));
  await flushPromises();
  assert.equal(at.reflector.watchAgeSeconds(), 20);
  await advance(at.clock, 1_000);
  assert.equal(at.reflector.watchAgeSeconds(), 0);
  at.stop.abort();
});

test("Reflector watchAgeSeconds falls to 0 at a normal end, and the next watch starts immediately", async () => {
  const at = started();
  const watch = new FakeWatch();
  at.fake.answer(listOf("1", []), watch);
  void at.run();
  await flushPromises();
  await advance(at.clock, 5_000);
  assert.equal(at.reflector.watchAgeSeconds(), 4);
  watch.end();
  await flushPromises();
  assert.equal(at.reflector.watchAgeSeconds(), 0);
  assert.equal(at.fake.trace().at(-1), watchFrom("1"));
  assert.equal(at.reflector.status().restarts, 0);
  at.stop.abort();
});

test("Reflector backs off when watches end immediately", async () => {
  const at = started();
  at.fake.answer(listOf("1", []));
  for (let index = 0; index < 50; index++) {
    const watch = new FakeWatch();
    watch.end();
    at.fake.answer(watch);
  }
  void at.run();
  await flushPromises();
  await advance(at.clock, 1_000);
  assert.ok(at.fake.requests.length <= 5, String(at.fake.requests.length));
  assert.equal(at.reflector.watchAgeSeconds(), 1, "they are no updates");
  at.stop.abort();
});

test("Reflector: the delay doesn't grow when established watches break", async () => {
  const at = started();
  at.fake.answer(listOf("1", []));
  void at.run();
  for (let round = 0; round < 5; round++) {
    const watch = new FakeWatch();
    at.fake.answer(watch);
    await advance(at.clock, round === 0 ? 0 : 250);
    assert.equal(at.reflector.status().watches, round + 1);
    await advance(at.clock, 3_000);
    watch.fail("connection reset");
    await flushPromises();
  }
  at.stop.abort();
});

test("Reflector names verb and resource that RBAC denies, and retries", async () => {
  const at = started();
  at.fake.answer(listOf("1", []), refusal(403, "namespaces is forbidden"), new FakeWatch());
  void at.run();
  await flushPromises();
  assert.equal(at.reflector.status().forbidden, "watch namespaces");
  assert.doesNotMatch(JSON.stringify(at.reflector.status()) + at.warnings, /tell-nobody/);
  await advance(at.clock, 1_250);
  assert.equal(at.reflector.status().forbidden, null);
  at.stop.abort();
});

test("Reflector lists again when a reachable API refuses six watches in a row", async () => {
  const at = started();
  at.fake.answer(listOf("1", []), ...Array.from({ length: 6 }, () => () => refusal(504, "rv")));
  void at.run();
  await flushPromises();
  await advance(at.clock, 60_000);
  assert.deepEqual(at.fake.trace().slice(-2), [watchFrom("1"), first]);
  at.stop.abort();
});

test("Reflector skips unreadable objects and removes ones that it knew", async () => {
  const at = started({ poison: "poison" });
  const watch = new FakeWatch();
  at.fake.answer(listOf("1", [namespace("a", "1"), { metadata: null }, 7]), watch);
  void at.run();
  await flushPromises();
  watch.event("MODIFIED", { metadata: { name: 5, resourceVersion: "2" } });
  watch.event("ADDED", namespace("poison", "3")).event("ADDED", namespace("b", "4"));
  await flushPromises();
  assert.deepEqual(at.seen, ["= a", "+ b"]);
  assert.equal(at.reflector.status().unreadable, 4);
  assert.equal(at.reflector.status().restarts, 0);
  at.stop.abort();
});

test("Reflector.run() settles when its signal aborts, leaving no timer behind", async () => {
  const at = started();
  at.fake.answer(listOf("1", []), new FakeWatch());
  const running = at.run();
  await flushPromises();
  at.stop.abort();
  await running;
  assert.equal(at.clock.pending(), 0);
});

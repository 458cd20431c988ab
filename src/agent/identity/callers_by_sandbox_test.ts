import { test } from "node:test";
import assert from "node:assert/strict";
import { callersOfTest, connectionFrom } from "../../../tests/fakes/callers.ts";
import { podFrame, roleFrame } from "../../../tests/fakes/frames.ts";
import { ManualClock, settled } from "../../../tests/fakes/manual_clock.ts";
import { RecordedLog } from "../../../tests/fakes/recorded_log.ts";
import { fakeSandboxes } from "../../../tests/fakes/sandboxes.ts";
import type { AssignFrame, Frame } from "../../protocol/frames.ts";
import type { CallerLookup } from "../ports.ts";

const ip = "10.0.0.7";
const never = new AbortController().signal;
const hour = 3_600_000;

function setUp() {
  const clock = new ManualClock();
  const log = new RecordedLog();
  const runtime = fakeSandboxes();
  const ownAddresses = ["10.0.0.1"];
  const { assignments, callers, owners } = callersOfTest({ clock, log, runtime, ownAddresses });
  const stream = assignments.openStream();
  const tell = (...frames: Frame[]) => frames.forEach((frame) => stream.apply(frame));
  tell({ type: "synced" }, { type: "ping", watchAgeSeconds: 1 });
  const ready = (uid: string, pod = {}): AssignFrame =>
    roleFrame(uid, { expiresAt: clock.now() + hour }, pod);
  const ask = async (address = ip, waitMs = 900) => {
    const asking = callers.waitFor(connectionFrom(address), waitMs, never);
    await clock.advance(waitMs);
    return wordFor(await asking);
  };
  return { clock, log, runtime, owners: owners!, callers, tell, ready, ask };
}

function wordFor(found: CallerLookup): string {
  if (found.kind !== "pod") return found.kind;
  return found.pod.outcome.kind === "ready" ? found.pod.uid : found.pod.outcome.kind;
}

test("a new pod is found by its sandbox before the API shows its address", async () => {
  const { runtime, tell, ready, ask } = setUp();
  runtime.ready.set("s1", { podUid: "a", ips: [ip, "fd00::7"] });
  tell(ready("a"));
  assert.equal(await ask(ip, 1), "a");
  assert.equal(await ask("fd00::7", 1), "a");
});

// name, what the API shows of pod a, addresses of a's sandbox, answer
const agreements = [
  ["the same address", { ips: [ip] }, [ip], "a"],
  ["no address yet", {}, [ip], "a"],
  ["another address", { ips: ["10.0.0.8"] }, [ip], "mismatch"],
  ["a pod on the host network", { hostNetwork: true }, [ip], "mismatch"],
  ["the address, the runtime none", { ips: [ip] }, null, "unknown"],
  ["the address, the runtime another", { ips: [ip] }, ["10.0.0.8"], "unknown"],
] as const;

for (const [name, pod, ips, answer] of agreements) {
  test(`runtime and API have to agree; the API shows ${name}: ${answer}`, async () => {
    const { runtime, tell, ready, ask } = setUp();
    runtime.ready.set("s1", { podUid: "a", ips });
    tell(ready("a", { ...pod, ...("ips" in pod && { ips: [...pod.ips] }) }));
    assert.equal(await ask(), answer);
  });
}

test("a sandbox whose pod the server hasn't assigned here gets nothing", async () => {
  const { runtime, ask, tell, ready } = setUp();
  runtime.ready.set("s1", { podUid: "x", ips: [ip] });
  tell(ready("a", { ips: [ip] }));
  assert.equal(await ask(), "unknown");
});

test("two READY sandboxes with one address, and the node's own, get nothing", async () => {
  const { runtime, ask, tell, ready, clock } = setUp();
  runtime.ready.set("s1", { podUid: "a", ips: [ip, "10.0.0.1"] });
  tell(ready("a"), ready("b"));
  assert.equal(await ask("10.0.0.1"), "unknown");
  runtime.ready.set("s2", { podUid: "b", ips: [ip] });
  await clock.advance(101);
  await ask(ip, 1);
  assert.equal(await ask(ip, 1), "conflict");
});

test("an address used again belongs to the new pod, whatever the API still shows", async () => {
  const { runtime, tell, ready, ask, callers, clock } = setUp();
  runtime.ready.set("s1", { podUid: "a", ips: [ip] });
  tell(ready("a", { ips: [ip] }), ready("b"));
  assert.equal(await ask(ip, 1), "a");
  runtime.ready.clear();
  runtime.ready.set("s2", { podUid: "b", ips: [ip] });
  await clock.advance(250);
  assert.equal(callers.find(connectionFrom(ip)).kind, "unavailable");
  assert.equal(await ask(ip, 1), "b");
});

test("with the server away the runtime's word counts to the credentials' end", async () => {
  const { runtime, tell, ready, ask, clock } = setUp();
  runtime.ready.set("s1", { podUid: "a", ips: [ip] });
  tell(ready("a", { ips: [ip] }));
  await clock.advance(hour - 10_000);
  assert.equal(await ask(ip, 1), "a");
  await clock.advance(10_000);
  assert.equal(await ask(), "pending");
});

test("a silent runtime means no answer, and says so; its return wakes who waits", async () => {
  const { runtime, tell, ready, callers, owners, log, clock, ask } = setUp();
  runtime.ready.set("s1", { podUid: "a", ips: [ip] });
  tell(ready("a", { ips: [ip] }));
  runtime.mood = "away";
  assert.equal(await ask(), "unavailable");
  assert.equal(owners.status().problem, "connection refused");
  assert.match(log.text(), /container runtime doesn't answer/);
  const waiting = callers.waitFor(connectionFrom(ip), 900, never);
  await clock.advance(300);
  runtime.mood = "answers";
  await clock.advance(100);
  assert.equal(wordFor(await waiting), "a");
  assert.equal(owners.status().problem, null);
});

test("a slow runtime's word counts for those who asked before it did", async () => {
  const { runtime, tell, ready, callers, clock } = setUp();
  runtime.ready.set("s1", { podUid: "a", ips: [ip] });
  tell(ready("a"));
  runtime.mood = "hangs";
  const waiting = callers.waitFor(connectionFrom(ip), 900, never);
  await clock.advance(500);
  runtime.release();
  await settled();
  runtime.release();
  await settled();
  assert.equal(wordFor(await waiting), "a");
  await clock.advance(101);
  assert.equal(callers.find(connectionFrom(ip)).kind, "unavailable");
});

test("however many ask, the runtime is asked ten times a second", async () => {
  const { runtime, callers, clock } = setUp();
  const asking = Array.from({ length: 50 }, () => callers.waitFor(connectionFrom(ip), 900, never));
  await clock.advance(1000);
  await Promise.all(asking);
  assert.ok(runtime.lists <= 10, `${runtime.lists}`);
});

test("run() lists every second and stops", async () => {
  const { owners, runtime, clock } = setUp();
  const stop = new AbortController();
  const running = owners.run(stop.signal);
  await clock.advance(5_500);
  assert.equal(runtime.lists, 6);
  stop.abort();
  await running;
  assert.equal(clock.pending(), 0);
});

test("credentials that come while a pod waits are given at once", async () => {
  const { runtime, tell, callers, clock, ready } = setUp();
  runtime.ready.set("s1", { podUid: "a", ips: [ip] });
  const waiting = callers.waitFor(connectionFrom(ip), 900, never);
  await clock.advance(50);
  tell(podFrame("z"), ready("a"));
  await settled();
  assert.equal(wordFor(await waiting), "a");
});

test("a token is bound to the pod last heard of, which is no answer", async () => {
  const { runtime, callers, tell, ready, ask, clock } = setUp();
  runtime.ready.set("s1", { podUid: "a", ips: [ip] });
  tell(ready("a"));
  assert.equal(callers.lastKnown(connectionFrom(ip)), undefined);
  await ask(ip, 1);
  await clock.advance(5000);
  assert.equal(callers.lastKnown(connectionFrom(ip)), "a");
  assert.equal(callers.find(connectionFrom(ip)).kind, "unavailable");
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { podFacts } from "../../../tests/fakes/facts.ts";
import { ManualClock } from "../../../tests/fakes/manual_clock.ts";
import { keptLog } from "../../../tests/fakes/quiet_log.ts";
import {
  type EventOutcome,
  type EventSink,
  type ObjectEvent,
  ObjectEvents,
} from "./object_events.ts";

function started(sink?: EventSink) {
  const clock = new ManualClock();
  const received: ObjectEvent[] = [];
  const outcomes: EventOutcome[] = [];
  const ending = new Set<string>();
  const { log, lines } = keptLog();
  const events = new ObjectEvents({
    sink: sink ?? ((event) => Promise.resolve(void received.push(event))),
    clock,
    log,
    counted: (outcome) => outcomes.push(outcome),
    isEnding: (namespace) => ending.has(namespace),
  });
  return { clock, received, outcomes, lines, events, ending };
}

test("ObjectEvents: the same Event on the same pod is sent once in six hours", async () => {
  const { clock, received, events } = started();
  const send = () => events.onPod(podFacts(), "RoleDenied", "not permitted");
  send();
  await clock.advance(6 * 3_600_000);
  send();
  assert.equal(received.length, 1);
  await clock.advance(1);
  send();
  assert.equal(received.length, 2);
});

test("ObjectEvents: another message, reason, or pod of the same name is another Event", () => {
  const { received, events } = started();
  events.onPod(podFacts(), "RoleDenied", "one");
  events.onPod(podFacts(), "RoleDenied", "two");
  events.onPod(podFacts({ uid: "next" }), "RoleDenied", "one");
  events.onPod(podFacts(), "CredentialsFailed", "one");
  assert.equal(received.length, 4);
  assert.deepEqual(received[0], {
    subject: { kind: "Pod", name: "web", namespace: "shop", uid: "uid-web" },
    type: "Warning",
    reason: "RoleDenied",
    message: "one",
  });
});

test("ObjectEvents: 25 at once, then 5 per second, at most 1,000 queued", async () => {
  const { clock, received, outcomes, events } = started();
  for (let i = 0; i < 1100; i++) events.onPod(podFacts({ uid: String(i) }), "RoleDenied", "no");
  assert.equal(received.length, 25);
  assert.equal(outcomes.filter((outcome) => outcome === "dropped").length, 75);
  await clock.advance(10_000);
  assert.equal(received.length, 75);
  await clock.advance(200_000);
  assert.deepEqual([received.length, clock.pending()], [1025, 0]);
});

test("ObjectEvents: a failure is logged and counted, and the others are sent", async () => {
  const { clock, outcomes, lines, events } = started(() => Promise.reject(new Error("forbidden")));
  events.onPod(podFacts(), "RoleDenied", "no");
  events.onNamespace("shop", "PermittedInvalid", "no");
  await clock.advance(0);
  assert.deepEqual(outcomes, ["failed", "failed"]);
  assert.match(JSON.stringify(lines[0]), /forbidden/);
});

test("ObjectEvents: an Event that failed is sent again next time", async () => {
  const received: ObjectEvent[] = [];
  let away = true;
  const { clock, events } = started((event) => {
    if (away) return Promise.reject(new Error("unreachable"));
    received.push(event);
    return Promise.resolve();
  });
  const send = () => events.onPod(podFacts(), "CredentialsFailed", "no");
  send();
  await clock.advance(0);
  away = false;
  send();
  send();
  assert.equal(received.length, 1);
});

test("ObjectEvents: a pod's recovery withdraws what hasn't been sent about it", async () => {
  const { clock, received, events } = started();
  for (let i = 0; i < 100; i++) {
    events.onPod(podFacts({ uid: String(i) }), "CredentialsFailed", "STS can't be reached");
  }
  for (let i = 0; i < 100; i++) {
    events.onPod(podFacts({ uid: String(i) }), "CredentialsReady", "ok");
  }
  await clock.advance(60_000);
  const failures = received.filter(({ reason }) => reason === "CredentialsFailed");
  assert.deepEqual([failures.length, received.length], [25, 125]);
});

test("ObjectEvents: a namespace that is being deleted gets none, and nothing is counted", async () => {
  const { clock, received, outcomes, lines, events, ending } = started();
  for (let i = 0; i < 30; i++) events.onPod(podFacts({ uid: String(i) }), "RoleDenied", "no");
  ending.add("shop");
  events.onPod(podFacts(), "RoleDenied", "no");
  await clock.advance(60_000);
  assert.deepEqual([received.length, outcomes.length, lines, clock.pending()], [25, 25, [], 0]);
});

test("ObjectEvents: an Event that arrives after its namespace's deletion is no failure", async () => {
  const { clock, outcomes, lines, events, ending } = started(() => {
    ending.add("shop");
    return Promise.reject(new Error("namespace shop is being terminated"));
  });
  events.onPod(podFacts(), "CredentialsReady", "ok");
  await clock.advance(0);
  assert.deepEqual([outcomes, lines], [[], []]);
});

test("ObjectEvents: close() drops the queue", async () => {
  const { clock, received, events } = started();
  for (let i = 0; i < 100; i++) events.onPod(podFacts({ uid: String(i) }), "RoleDenied", "no");
  events.close();
  await clock.advance(60_000);
  assert.equal(received.length, 25);
});

import { test } from "node:test";
import assert from "node:assert/strict";
import { ManualClock } from "../../../tests/fakes/manual_clock.ts";
import { mergeTimelines, Timeline, type TimelineEvent } from "./timeline.ts";

const issued: TimelineEvent = {
  kind: "issued",
  roleArn: "arn:aws:iam::123456789012:role/cart",
  sessionName: "shop.cart",
  namespace: null,
  pod: null,
  pods: 2,
  reason: null,
};
const denied: TimelineEvent = {
  ...issued,
  kind: "denied",
  namespace: "shop",
  pod: "cart",
  pods: 1,
  reason: "NotPermitted",
};

test("Timeline: repeated events are one row with a count, the latest first", async () => {
  const clock = new ManualClock();
  const timeline = new Timeline(clock);
  timeline.add(denied);
  timeline.add(issued);
  await clock.advance(60_000);
  timeline.add(denied);
  const { minutes, latest } = timeline.view();
  assert.deepEqual(latest.map(({ kind, times }) => [kind, times]), [["denied", 2], ["issued", 1]]);
  assert.deepEqual(minutes.map(({ issued, denied }) => [issued, denied]), [[1, 1], [0, 1]]);
});

test("Timeline: events are dropped after an hour", async () => {
  const clock = new ManualClock();
  const timeline = new Timeline(clock);
  timeline.add(issued);
  await clock.advance(60 * 60_000);
  assert.equal(timeline.view().latest.length, 1);
  await clock.advance(1);
  assert.deepEqual(timeline.view(), { minutes: [], latest: [] });
});

test("Timeline: bounded, and the minutes still count everything", () => {
  const timeline = new Timeline(new ManualClock());
  for (let pod = 0; pod < 10_000; pod++) timeline.add({ ...denied, pod: `cart-${pod}` });
  const { minutes, latest } = timeline.view();
  assert.equal(latest.length, 300);
  assert.equal(latest[0]?.pod, "cart-9999");
  assert.equal(minutes[0]?.denied, 10_000);
});

test("mergeTimelines() adds up minutes and sorts events", async () => {
  const clock = new ManualClock();
  const [a, b] = [new Timeline(clock), new Timeline(clock)];
  a.add(issued);
  await clock.advance(1_000);
  b.add(denied);
  const { minutes, latest } = mergeTimelines([a.view(), b.view()]);
  assert.deepEqual(latest.map(({ kind }) => kind), ["denied", "issued"]);
  assert.deepEqual(minutes.map(({ issued, denied }) => [issued, denied]), [[1, 1]]);
});

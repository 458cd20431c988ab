import assert from "node:assert/strict";
import { test } from "node:test";
import { Registry } from "@prometheus-io/client";
import { MetricSet } from "./metric_set.ts";

async function rows(registry: Registry): Promise<string[]> {
  const text = await registry.metrics();
  return text.split("\n").filter((row) => row !== "" && !row.startsWith("#"));
}

test("MetricSet: values that are read on a scrape are read each time", async () => {
  const registry = new Registry();
  const metrics = new MetricSet(registry, "some_");
  let value = 1;
  metrics.gauge("size", "how large", ["kind"], (own) => own.set({ kind: "x" }, value));
  metrics.flag("up", "1 while up", () => value > 1);
  metrics.total("seen_total", "seen elsewhere", [], (own) => own.inc(value));
  assert.deepEqual(await rows(registry), [
    'some_size{kind="x"} 1',
    "some_up 0",
    "some_seen_total 1",
  ]);
  value = 3;
  assert.deepEqual(await rows(registry), [
    'some_size{kind="x"} 3',
    "some_up 1",
    "some_seen_total 3",
  ]);
});

test("MetricSet: values that are counted as they happen add up", async () => {
  const registry = new Registry();
  const metrics = new MetricSet(registry, "some_");
  const calls = metrics.counter("calls_total", "calls", ["outcome"]);
  const times = metrics.histogram("seconds", "how long", [0.5]);
  calls.inc({ outcome: "ok" });
  calls.inc({ outcome: "ok" });
  times.observe(1);
  assert.deepEqual(await rows(registry), [
    'some_calls_total{outcome="ok"} 2',
    'some_seconds_bucket{le="0.5"} 0',
    'some_seconds_bucket{le="+Inf"} 1',
    "some_seconds_sum 1",
    "some_seconds_count 1",
  ]);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { Registry } from "@prometheus-io/client";
import { processMetrics } from "./process_metrics.ts";

const usage = { cpuSeconds: 1.5, residentBytes: 50_000_000, startedAt: 1_700_000_000 };

async function values(openFiles: () => number | null): Promise<Record<string, string>> {
  const registry = processMetrics(
    new Registry(),
    () => ({ ...usage, openFiles: openFiles() }),
  );
  const rows = (await registry.metrics()).split("\n").filter((row) => /^[a-z]/.test(row));
  return Object.fromEntries(rows.map((row) => row.split(" ") as [string, string]));
}

test("processMetrics: standard names, read at each scrape", async () => {
  const atRegistration = [20];
  assert.deepEqual(await values(() => atRegistration.pop() ?? 21), {
    process_cpu_seconds_total: "1.5",
    process_resident_memory_bytes: "50000000",
    process_start_time_seconds: "1700000000",
    process_open_fds: "21",
  });
});

test("processMetrics: no figure of open files if it can't be read", async () => {
  assert.deepEqual(Object.keys(await values(() => null)), [
    "process_cpu_seconds_total",
    "process_resident_memory_bytes",
    "process_start_time_seconds",
  ]);
});

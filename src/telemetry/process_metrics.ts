/** The process's own metrics, under the names that Prometheus clients use in every language. */
import type { Registry } from "@prometheus-io/client";
import { MetricSet } from "./metric_set.ts";

/** What a process has used until now. */
export interface ProcessUsage {
  readonly cpuSeconds: number;
  readonly residentBytes: number;
  /** Seconds since the epoch. */
  readonly startedAt: number;
  /** null where no procfs can be read. */
  readonly openFiles: number | null;
}

/** Returns the registry. `read` is called at each scrape. */
export function processMetrics(registry: Registry, read: () => ProcessUsage): Registry {
  const metrics = new MetricSet(registry, "process_");
  metrics.total("cpu_seconds_total", "CPU time, user and system", [], (own) => {
    own.inc(read().cpuSeconds);
  });
  metrics.gauge("resident_memory_bytes", "resident memory", [], (own) => {
    own.set(read().residentBytes);
  });
  metrics.gauge("start_time_seconds", "when the process started, since the epoch", [], (own) => {
    own.set(read().startedAt);
  });
  if (read().openFiles === null) return registry;
  metrics.gauge("open_fds", "open files and sockets", [], (own) => {
    own.set(read().openFiles ?? NaN);
  });
  return registry;
}

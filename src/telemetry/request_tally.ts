/**
 * Counts requests as plain numbers, because they are counted far more often than read. Converts them
 * to the registry's format when they are read.
 */
import type { Histogram, Registry } from "@prometheus-io/client";

interface Handled {
  readonly codes: Map<number, number>;
  /** By bucket; the last has what fits into none. */
  readonly counts: Float64Array;
  /** In seconds. */
  sum: number;
}

interface Count {
  readonly handler: string;
  readonly code: string;
  readonly count: number;
}

export class RequestTally {
  /** Upper bounds, in milliseconds, rising. */
  readonly #bounds: readonly number[];
  readonly #handled = new Map<string | null, Handled>();

  /** `seconds`: the upper bounds of the latency's buckets, rising. */
  constructor(seconds: readonly number[], labels: "by handler" | "without label" = "by handler") {
    this.#bounds = seconds.map((bound) => bound * 1000);
    if (labels === "without label") this.#open(null);
  }

  /** `handler` is null in a tally without label. */
  add(handler: string | null, status: number, ms: number): void {
    const handled = this.#handled.get(handler) ?? this.#open(handler);
    handled.codes.set(status, (handled.codes.get(status) ?? 0) + 1);
    handled.sum += ms / 1000;
    let bucket = 0;
    while (ms > (this.#bounds[bucket] ?? Infinity)) bucket++;
    handled.counts[bucket]!++;
  }

  #open(handler: string | null): Handled {
    const counts = new Float64Array(this.#bounds.length + 1);
    const handled = { codes: new Map<number, number>(), counts, sum: 0 };
    this.#handled.set(handler, handled);
    return handled;
  }

  /** How often each handler gave each code. */
  *counts(): Iterable<Count> {
    for (const [handler, { codes }] of this.#handled) {
      if (handler === null) continue;
      for (const [code, count] of codes) yield { handler, code: String(code), count };
    }
  }

  /** Adds the latencies as a histogram, with the label `handler` if handlers were counted separately. */
  register(
    registry: Registry,
    name: string,
    help: string,
    labelNames: readonly string[] = [],
  ): void {
    const get = () =>
      Promise.resolve({
        name,
        help,
        type: "histogram",
        aggregator: "sum",
        values: this.#rows(name),
      });
    // The registry only uses these members; the library's own histogram can't be filled like this.
    const metric = { name, help, labelNames, get, reset: () => this.#handled.clear() };
    registry.registerMetric(metric as unknown as Histogram);
  }

  #rows(name: string): object[] {
    return [...this.#handled].flatMap(([handler, handled]) =>
      rowsOf(name, handler, handled, this.#bounds)
    );
  }
}

function rowsOf(name: string, handler: string | null, handled: Handled, bounds: readonly number[]) {
  const labels = handler === null ? {} : { handler };
  let below = 0;
  const buckets = [...handled.counts].map((count, at) => {
    below += count;
    const bound = bounds[at];
    const le = bound === undefined ? "+Inf" : bound / 1000;
    return { metricName: `${name}_bucket`, labels: { le, ...labels }, value: below };
  });
  return [
    ...buckets,
    { metricName: `${name}_sum`, labels, value: handled.sum },
    { metricName: `${name}_count`, labels, value: below },
  ];
}

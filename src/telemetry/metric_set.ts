/** Defines one component's metrics: a common prefix, one registry. */
import { Counter, Gauge, Histogram, type Registry } from "@prometheus-io/client";

/** Sets a metric's values when metrics are scraped. */
type Fill<Metric> = (metric: Metric) => void;

export class MetricSet {
  readonly #registers: Registry[];
  readonly #prefix: string;

  /** `prefix` with its last underscore. */
  constructor(registry: Registry, prefix: string) {
    this.#registers = [registry];
    this.#prefix = prefix;
  }

  gauge<Label extends string>(
    name: string,
    help: string,
    labelNames: readonly Label[],
    fill?: Fill<Gauge<Label>>,
  ): Gauge<Label> {
    return new Gauge({ ...this.#base(name, help, labelNames), ...collecting(fill) });
  }

  /** 1 or 0, read when metrics are scraped. */
  flag(name: string, help: string, read: () => boolean): void {
    this.gauge(name, help, [], (gauge) => gauge.set(Number(read())));
  }

  counter<Label extends string>(
    name: string,
    help: string,
    labelNames: readonly Label[],
  ): Counter<Label> {
    return new Counter(this.#base(name, help, labelNames));
  }

  /** A counter of something counted elsewhere: `fill` increments it from 0 to its current value. */
  total<Label extends string>(
    name: string,
    help: string,
    labelNames: readonly Label[],
    fill: Fill<Counter<Label>>,
  ): void {
    const refill = (counter: Counter<Label>) => {
      counter.reset();
      fill(counter);
    };
    new Counter({ ...this.#base(name, help, labelNames), ...collecting(refill) });
  }

  /** `buckets`: upper bounds in seconds, ascending. */
  histogram(name: string, help: string, buckets: readonly number[]): Histogram {
    return new Histogram({ ...this.#base(name, help, []), buckets: [...buckets] });
  }

  #base<Label extends string>(name: string, help: string, labelNames: readonly Label[]) {
    const registers = this.#registers;
    return { name: this.#prefix + name, help, labelNames: [...labelNames], registers };
  }
}

function collecting<Metric>(fill: Fill<Metric> | undefined) {
  if (fill === undefined) return {};
  return {
    collect(this: Metric) {
      fill(this);
    },
  };
}

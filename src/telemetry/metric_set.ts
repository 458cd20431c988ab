/** Defines a component's metrics: all with its prefix, in one registry. Their names are its own. */
import { Counter, Gauge, Histogram, type Registry } from "prom-client";

/** Fills a metric in when metrics are asked for. */
type Fill<Metric> = (own: Metric) => void;

export class MetricSet {
  readonly #registers: Registry[];
  readonly #prefix: string;

  /** `prefix` with its last underscore. */
  constructor(registry: Registry, prefix: string) {
    this.#registers = [registry];
    this.#prefix = prefix;
  }

  gauge(name: string, help: string, labelNames: readonly string[], fill?: Fill<Gauge>): Gauge {
    return new Gauge({ ...this.#base(name, help, labelNames), ...collecting(fill) });
  }

  /** 1 or 0, read when metrics are asked for. */
  flag(name: string, help: string, read: () => boolean): void {
    this.gauge(name, help, [], (own) => own.set(Number(read())));
  }

  counter(name: string, help: string, labelNames: readonly string[]): Counter {
    return new Counter(this.#base(name, help, labelNames));
  }

  /** A counter of what is counted elsewhere: `fill` increments it from 0 by what it has come to. */
  total(name: string, help: string, labelNames: readonly string[], fill: Fill<Counter>): void {
    const fresh = (own: Counter) => {
      own.reset();
      fill(own);
    };
    new Counter({ ...this.#base(name, help, labelNames), ...collecting(fresh) });
  }

  /** `buckets`: upper bounds in seconds, rising. */
  histogram(name: string, help: string, buckets: readonly number[]): Histogram {
    return new Histogram({ ...this.#base(name, help, []), buckets: [...buckets] });
  }

  #base(name: string, help: string, labelNames: readonly string[]) {
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

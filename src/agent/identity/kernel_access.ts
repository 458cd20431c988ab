/** Opens the host's `/proc` for identity, and retries until it is usable. */
import { pause } from "../../time/pause.ts";
import type { Clock, Kernel, Log } from "../ports.ts";

const retryMs = 2000;

type OpenedKernel =
  | { readonly kind: "opened"; readonly kernel: Kernel }
  /** One line. */
  | { readonly kind: "problem"; readonly problem: string };

interface KernelAccessOptions {
  /** `--host-proc` */
  readonly path: string;
  readonly open: () => Promise<OpenedKernel>;
  readonly clock: Clock;
  readonly log: Log;
}

export class KernelAccess {
  readonly #options: KernelAccessOptions;
  #kernel: Kernel | null = null;
  #problem = "not read yet";

  constructor(options: KernelAccessOptions) {
    this.#options = options;
  }

  /** null until it has been opened. */
  get kernel(): Kernel | null {
    return this.#kernel;
  }

  /** Why callers can't be identified, naming the flag; null if they can. */
  get problem(): string | null {
    const problem = this.#kernel ? this.#kernel.status().problem : this.#problem;
    return problem === null ? null : `--host-proc ${this.#options.path}: ${problem}`;
  }

  /** Tries once. Never rejects: see `problem`. */
  async open(): Promise<void> {
    const opened = await this.#options.open();
    if (opened.kind === "opened") this.#kernel = opened.kernel;
    else this.#problem = opened.problem;
  }

  /** Tries until it is usable, or the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    while (this.#kernel === null) {
      await pause(this.#options.clock, retryMs, signal);
      if (signal.aborted) return;
      await this.open();
    }
  }
}

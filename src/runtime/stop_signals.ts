/** SIGTERM and SIGINT: the first asks the program to stop, the second ends the process. */

const exitCodes = new Map([["SIGTERM", 143], ["SIGINT", 130]]);

/** Without a callback, the first signal ends the process. */
export class StopSignals {
  readonly #exit: (code: number) => void;
  readonly #callbacks: ((signal: string) => void)[] = [];
  #stopping = false;

  constructor(exit: (code: number) => void) {
    this.#exit = exit;
  }

  onStop(stop: (signal: string) => void): void {
    this.#callbacks.push(stop);
  }

  arrived(signal: string): void {
    if (this.#stopping || this.#callbacks.length === 0) {
      return this.#exit(exitCodes.get(signal) ?? 1);
    }
    this.#stopping = true;
    for (const stop of this.#callbacks) stop(signal);
  }
}

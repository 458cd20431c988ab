/** Opens the agents' listener with the first certificate there is, and gives it each later one. */
import type { Listener } from "../../runtime/http/types.ts";

export interface KeyPair {
  /** PEM. */
  readonly cert: string;
  readonly key: string;
}

export class ServingListener {
  #latest: KeyPair | null = null;
  #listener: Listener | null = null;
  #first: (() => void) | null = null;

  /** New connections are served with this pair. */
  use(pair: KeyPair): void {
    this.#latest = pair;
    this.#listener?.setCertificate(pair);
    this.#first?.();
  }

  /**
   * Waits for a certificate, then listens; null where `signal` aborts before.
   * @throws {Error} what `open` throws
   */
  async listen(
    signal: AbortSignal,
    open: (pair: KeyPair) => Promise<Listener>,
  ): Promise<Listener | null> {
    const pair = await this.#pair(signal);
    if (pair === null) return null;
    this.#listener = await open(pair);
    if (this.#latest !== null && this.#latest !== pair) this.#listener.setCertificate(this.#latest);
    return this.#listener;
  }

  async #pair(signal: AbortSignal): Promise<KeyPair | null> {
    if (this.#latest === null && !signal.aborted) {
      await new Promise<void>((resolve) => {
        this.#first = resolve;
        signal.addEventListener("abort", () => resolve(), { once: true });
      });
    }
    return signal.aborted ? null : this.#latest;
  }
}

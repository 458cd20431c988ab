/** Opens the agents' listener with the first certificate, and updates it with each later one. */
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

  /** Serves new connections with this pair. */
  use(pair: KeyPair): void {
    this.#latest = pair;
    this.#listener?.setCertificate(pair);
    this.#first?.();
  }

  /**
   * Waits for a certificate, then listens; null if `signal` aborts first.
   * @throws {Error} whatever `open` throws
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

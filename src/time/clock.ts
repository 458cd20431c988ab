/** The clock that every room takes as an argument, so that tests can turn it. */

export interface Clock {
  /** Milliseconds since the epoch; it jumps when somebody sets the machine's clock. */
  now(): number;
  /** Milliseconds since some moment; it only ever goes on, so ages are told by it. */
  monotonic(): number;
  /** Runs once after `ms`; the returned function cancels. */
  after(ms: number, run: () => void): () => void;
}

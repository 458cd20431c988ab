/**
 * Gives memory back once a rush of requests is over. Requests and connections leave garbage that V8
 * lets lie until more comes; collecting it stops the agent for some 50 ms, so it waits for a lull.
 */
import type { Clock } from "../../time/clock.ts";
import { pause } from "../../time/pause.ts";

const lookEveryMs = 10_000;
/** So few requests between two looks are a lull. */
const few = 100;
/** Fewer leave nothing worth collecting: about 3 KB each at most. */
const rush = 2000;

export interface IdleGcOptions {
  readonly clock: Pick<Clock, "after">;
  /** Requests answered since the start. */
  readonly answered: () => number;
  readonly collectGarbage: () => void;
}

/** Collects in the first lull after each rush, until the signal aborts. */
export async function collectWhenIdle(options: IdleGcOptions, signal: AbortSignal): Promise<void> {
  let collected = 0;
  let last = 0;
  while (!signal.aborted) {
    await pause(options.clock, lookEveryMs, signal);
    const answered = options.answered();
    if (answered - last < few && answered - collected >= rush && !signal.aborted) {
      options.collectGarbage();
      collected = answered;
    }
    last = answered;
  }
}

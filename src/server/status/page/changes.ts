/** A page's sections as server-sent events: each when it first comes and whenever it has changed. */
import type { Clock } from "../../../time/clock.ts";
import { pause } from "../../../time/pause.ts";
import type { Section } from "./page.ts";

const lookEveryMs = 2_000;
/** Something is said this often, so that one who has gone is noticed. */
const silenceMs = 15_000;

interface ChangesOptions {
  readonly clock: Clock;
  readonly sections: () => Promise<readonly Section[]>;
  /** Ends the stream. */
  readonly signal: AbortSignal;
  readonly ended: () => void;
}

/** Nothing is drawn while the reader hasn't taken what came before. */
export function changes(options: ChangesOptions): ReadableStream<Uint8Array> {
  const { clock, ended } = options;
  const gone = new AbortController();
  const signal = AbortSignal.any([options.signal, gone.signal]);
  const sent = new Map<string, string>();
  const encoder = new TextEncoder();
  let spokenAt = -Infinity;
  return new ReadableStream({
    async pull(controller) {
      while (!signal.aborted) {
        const text = await news(options, sent) ||
          (clock.now() - spokenAt >= silenceMs ? ":\n\n" : "");
        if (text !== "") {
          spokenAt = clock.now();
          return controller.enqueue(encoder.encode(text));
        }
        await pause(clock, lookEveryMs, signal);
      }
      ended();
      if (!gone.signal.aborted) controller.close();
    },
    cancel() {
      gone.abort();
      ended();
    },
  }, { highWaterMark: 0 });
}

async function news({ sections }: ChangesOptions, sent: Map<string, string>): Promise<string> {
  const changed = (await sections()).filter(({ id, version }) => sent.get(id) !== version);
  for (const { id, version } of changed) sent.set(id, version);
  return changed.map((section) => `event: section\ndata: ${JSON.stringify(section)}\n\n`).join("");
}

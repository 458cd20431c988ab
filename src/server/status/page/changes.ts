/** A page's sections as server-sent events: each one at first, and again when it changes. */
import type { Clock } from "../../../time/clock.ts";
import { pause } from "../../../time/pause.ts";
import type { Section } from "./page.ts";

const checkEveryMs = 2_000;
/** A comment is sent after this much silence, so that closed connections are noticed. */
const keepAliveMs = 15_000;
/** Browsers then open another stream, for which their access is checked again. */
const maxStreamMs = 10 * 60_000;

interface ChangesOptions {
  readonly clock: Clock;
  readonly sections: () => Promise<readonly Section[]>;
  /** Ends the stream. */
  readonly signal: AbortSignal;
  readonly ended: () => void;
}

/** Nothing is rendered until the reader has accepted what was sent before. */
export function changes(options: ChangesOptions): ReadableStream<Uint8Array> {
  const { clock, ended } = options;
  const gone = new AbortController();
  const signal = AbortSignal.any([options.signal, gone.signal]);
  const sent = new Map<string, string>();
  const encoder = new TextEncoder();
  const endsAt = clock.monotonic() + maxStreamMs;
  let sentAt = -Infinity;
  return new ReadableStream({
    async pull(controller) {
      while (!signal.aborted && clock.monotonic() < endsAt) {
        const text = await changedSections(options, sent) ||
          (clock.monotonic() - sentAt >= keepAliveMs ? ":\n\n" : "");
        if (text !== "") {
          sentAt = clock.monotonic();
          return controller.enqueue(encoder.encode(text));
        }
        await pause(clock, checkEveryMs, signal);
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

async function changedSections(
  { sections }: ChangesOptions,
  sent: Map<string, string>,
): Promise<string> {
  const changed = (await sections()).filter(({ id, version }) => sent.get(id) !== version);
  for (const { id, version } of changed) sent.set(id, version);
  return changed.map((section) => `event: section\ndata: ${JSON.stringify(section)}\n\n`).join("");
}

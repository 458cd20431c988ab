/** Says what a command is waiting for, to a person at a terminal, when it takes longer than a moment. */
import type { Clock } from "../time/clock.ts";

interface Terminal {
  readonly isTerminal: boolean;
  readonly writeError: (text: string) => void;
}

const momentMs = 400;

/** `work`'s own result; the words are gone from the line when it comes. */
export async function whileWaiting<T>(
  terminal: Terminal,
  clock: Pick<Clock, "after">,
  words: string,
  work: Promise<T>,
): Promise<T> {
  if (!terminal.isTerminal) return await work;
  let wipe = () => {};
  const cancel = clock.after(momentMs, () => {
    terminal.writeError(`${words} …`);
    wipe = () => terminal.writeError("\r\x1b[K");
  });
  try {
    return await work;
  } finally {
    cancel();
    wipe();
  }
}

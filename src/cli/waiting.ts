/** Shows a terminal what a command is waiting for if it takes longer than a moment. */
import type { Clock } from "../time/clock.ts";

interface Terminal {
  readonly isTerminal: boolean;
  readonly writeError: (text: string) => void;
}

const momentMs = 400;

/** Resolves to `work`'s result, with the line cleared again. */
export async function whileWaiting<T>(
  terminal: Terminal,
  clock: Pick<Clock, "after">,
  message: string,
  work: Promise<T>,
): Promise<T> {
  if (!terminal.isTerminal) return await work;
  let wipe = () => {};
  const cancel = clock.after(momentMs, () => {
    terminal.writeError(`${message} …`);
    wipe = () => terminal.writeError("\r\x1b[K");
  });
  try {
    return await work;
  } finally {
    cancel();
    wipe();
  }
}

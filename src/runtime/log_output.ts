/**
 * Writes lines without waiting for their reader, with a bounded buffer. On Deno a plain write to a
 * full pipe would block the whole program.
 */
import { withDeadline } from "../time/deadline.ts";
import { systemClock } from "../time/system_clock.ts";

/** About an hour of an agent's lines. */
const maxChars = 1_048_576;

export class LogOutput {
  readonly #writeAll: (text: string) => Promise<void>;
  #held: string[] = [];
  #heldChars = 0;
  #writing: Promise<void> | null = null;

  /** `writeAll` settles once the reader's side has taken the text; what it rejects is lost. */
  constructor(writeAll: (text: string) => Promise<void>) {
    this.#writeAll = writeAll;
  }

  /** False if the line is dropped because too many are waiting. */
  write(line: string): boolean {
    if (this.#heldChars + line.length > maxChars) return false;
    this.#held.push(line);
    this.#heldChars += line.length;
    this.#writing ??= this.#writeHeld();
    return true;
  }

  /** Settles once everything is written, or nobody has read it within `ms`. */
  async written(ms: number): Promise<void> {
    const writing = this.#writing;
    if (writing === null) return;
    await withDeadline({ clock: systemClock, ms }, () => writing).catch(() => {});
  }

  async #writeHeld(): Promise<void> {
    while (this.#held.length > 0) {
      const text = this.#held.join("");
      this.#held = [];
      await this.#writeAll(text).catch(() => {});
      this.#heldChars -= text.length;
    }
    this.#writing = null;
  }
}

/** Splits a stream of bytes into lines, for newline-delimited JSON (watches, assignment frames). */

/** A line longer than anything the peer should send. */
export class LineTooLong extends Error {
  readonly code = "line_too_long";
  override readonly name = "LineTooLong";
}

/** The body ended in the middle of a line. */
export class LineCutOff extends Error {
  readonly code = "line_cut_off";
  override readonly name = "LineCutOff";
}

/**
 * UTF-8 lines without their newline; empty ones are skipped. When `signal` aborts, the body is
 * cancelled and the signal's reason thrown, even if the body itself ignores the signal.
 * @throws {LineCutOff}
 * @throws {LineTooLong}
 */
export async function* textLines(
  body: ReadableStream<Uint8Array>,
  maxChars: number,
  signal: AbortSignal,
): AsyncGenerator<string> {
  const reader = body.getReader();
  const cancel = () => void reader.cancel(signal.reason).catch(() => undefined);
  signal.addEventListener("abort", cancel, { once: true });
  const cutter = new LineCutter(maxChars);
  try {
    for (;;) {
      signal.throwIfAborted();
      const { done, value } = await reader.read();
      signal.throwIfAborted();
      if (done) return cutter.end();
      yield* cutter.push(value);
    }
  } finally {
    signal.removeEventListener("abort", cancel);
    cancel();
  }
}

class LineCutter {
  readonly #maxChars: number;
  readonly #decoder = new TextDecoder();
  #pieces: string[] = [];
  #held = 0;

  constructor(maxChars: number) {
    this.#maxChars = maxChars;
  }

  *push(chunk: Uint8Array): Generator<string> {
    const text = this.#decoder.decode(chunk, { stream: true });
    let start = 0;
    for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n", start)) {
      this.#pieces.push(text.slice(start, end));
      const line = this.#pieces.join("");
      this.#pieces = [];
      this.#held = 0;
      start = end + 1;
      if (line !== "") yield line;
    }
    this.#hold(text.slice(start));
  }

  end(): void {
    if (this.#held > 0) throw new LineCutOff("the answer ended in the middle of a line");
  }

  #hold(rest: string): void {
    if (rest === "") return;
    this.#pieces.push(rest);
    this.#held += rest.length;
    if (this.#held > this.#maxChars) {
      throw new LineTooLong(`a line of more than ${this.#maxChars} characters`);
    }
  }
}

/** Cuts a byte stream into lines, however its chunks fall; lines have an upper length. */

/** A line went over the limit: the peer isn't what it should be. */
class LineTooLong extends Error {
  readonly code = "line_too_long";
  override readonly name = "LineTooLong";
}

/** UTF-8 lines without their newline; a last line without one is dropped (it was cut off). */
export function lines(maxChars: number): TransformStream<Uint8Array, string> {
  const decoder = new TextDecoder();
  let rest = "";
  return new TransformStream({
    transform(chunk, controller) {
      const parts = (rest + decoder.decode(chunk, { stream: true })).split("\n");
      rest = parts.pop() ?? "";
      for (const line of parts) if (line !== "") controller.enqueue(line);
      if (rest.length > maxChars) {
        throw new LineTooLong(`line: longer than ${maxChars} characters`);
      }
    },
  });
}

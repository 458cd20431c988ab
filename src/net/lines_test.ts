import { test } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import { LineCutOff, LineTooLong, textLines } from "./lines.ts";

function bodyOf(chunks: readonly Uint8Array[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(chunk);
      controller.close();
    },
  });
}

function cut(text: string, sizes: readonly number[]): Uint8Array[] {
  const bytes = new TextEncoder().encode(text);
  const chunks: Uint8Array[] = [];
  for (let at = 0, index = 0; at < bytes.length; index++) {
    const size = sizes[index % sizes.length] ?? 1;
    chunks.push(bytes.subarray(at, at + size));
    at += size;
  }
  return chunks;
}

async function linesOf(chunks: readonly Uint8Array[], maxChars = 1000): Promise<string[]> {
  const lines = [];
  for await (const line of textLines(bodyOf(chunks), maxChars, new AbortController().signal)) {
    lines.push(line);
  }
  return lines;
}

test("textLines() gives whole lines, however the bytes are cut", async () => {
  const line = fc.string({ unit: "grapheme", minLength: 1 }).filter((text) => !text.includes("\n"));
  const sizes = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 });
  await fc.assert(fc.asyncProperty(fc.array(line), sizes, async (wanted, sizes) => {
    const text = wanted.map((one) => `${one}\n`).join("");
    assert.deepEqual(await linesOf(cut(text, sizes)), wanted);
  }));
});

test("textLines() refuses a body that ends within a line", async () => {
  await assert.rejects(linesOf(cut("a\nhalf", [3])), LineCutOff);
});

test("textLines() refuses a line without an end", async () => {
  await assert.rejects(linesOf(cut("x".repeat(101), [10]), 100), LineTooLong);
});

test("textLines() ends with the signal's reason, though the body never notices", async () => {
  const stop = new AbortController();
  let cancelled = false;
  const body = new ReadableStream<Uint8Array>({ cancel: () => void (cancelled = true) });
  const reading = textLines(body, 10, stop.signal).next();
  stop.abort(new Error("enough"));
  await assert.rejects(reading, /enough/);
  assert.equal(cancelled, true);
});

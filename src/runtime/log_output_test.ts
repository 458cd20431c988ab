import { test } from "node:test";
import assert from "node:assert/strict";
import { flushPromises } from "../../tests/fakes/manual_clock.ts";
import { LogOutput } from "./log_output.ts";

/** A reader that takes the text when the test says so. */
function reader() {
  const texts: string[] = [];
  const waiting: (() => void)[] = [];
  const output = new LogOutput((text) => {
    texts.push(text);
    return new Promise((resolve) => waiting.push(resolve));
  });
  const take = async () => {
    waiting.shift()?.();
    await flushPromises();
  };
  return { output, texts, take };
}

test("LogOutput: what comes while the reader is busy follows in one piece, in order", async () => {
  const { output, texts, take } = reader();
  for (const line of ["a\n", "b\n", "c\n"]) assert.equal(output.write(line), true);
  assert.deepEqual(texts, ["a\n"]);
  await take();
  assert.deepEqual(texts, ["a\n", "b\nc\n"]);
  const written = output.written(60_000);
  await take();
  await written;
});

test("LogOutput: beyond 1 MiB, lines are dropped until the reader continues", async () => {
  const { output, texts, take } = reader();
  const line = "x".repeat(1023) + "\n";
  let held = 0;
  while (output.write(line)) held++;
  assert.equal(held, 1024);
  await take();
  assert.equal(output.write(line), true);
  assert.equal(output.write(line), false);
  await take();
  await take();
  assert.equal(texts.join("").length, 1025 * 1024);
});

test("LogOutput: a reader that is gone is no error, and written() waits for a limited time", async () => {
  const gone = new LogOutput(() => Promise.reject(new Error("EPIPE")));
  gone.write("a\n");
  await gone.written(60_000);
  const { output } = reader();
  output.write("a\n");
  await output.written(1);
});

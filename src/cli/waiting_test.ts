import { test } from "node:test";
import assert from "node:assert/strict";
import { ManualClock } from "../../tests/fakes/manual_clock.ts";
import { whileWaiting } from "./waiting.ts";

function waiting(isTerminal: boolean) {
  const clock = new ManualClock();
  const written: string[] = [];
  const terminal = { isTerminal, writeError: (text: string) => void written.push(text) };
  let done = (_answer: string) => {};
  const work = new Promise<string>((resolve) => done = resolve);
  const result = whileWaiting(terminal, clock, "asking the server", work);
  return { clock, written, done, result };
}

test("whileWaiting() says what takes long, and then clears the line", async () => {
  const { clock, written, done, result } = waiting(true);
  await clock.advance(400);
  assert.deepEqual(written, ["asking the server …"]);
  done("answer");
  assert.equal(await result, "answer");
  assert.deepEqual(written.slice(1), ["\r\x1b[K"]);
});

test("whileWaiting() prints nothing if the result is immediate", async () => {
  const { clock, written, done, result } = waiting(true);
  done("answer");
  await result;
  await clock.advance(1_000);
  assert.deepEqual(written, []);
});

test("whileWaiting() prints nothing without a terminal", async () => {
  const { clock, written, done, result } = waiting(false);
  await clock.advance(1_000);
  done("answer");
  assert.equal(await result, "answer");
  assert.deepEqual(written, []);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { PageGarbage } from "./page_garbage.ts";

function collections(pages: number, chars: number): { during: number; atEnd: number } {
  let count = 0;
  const garbage = new PageGarbage(() => void count++);
  for (let n = 0; n < pages; n++) garbage.page(chars);
  const during = count;
  garbage.end();
  return { during, atEnd: count - during };
}

test("PageGarbage collects every three million characters and at the end", () => {
  assert.deepEqual(collections(40, 1_000_000), { during: 13, atEnd: 1 });
});

test("PageGarbage collects once for a list of a few pages", () => {
  assert.deepEqual(collections(3, 600_000), { during: 0, atEnd: 1 });
});

test("PageGarbage leaves a short list to V8", () => {
  assert.deepEqual(collections(2, 100_000), { during: 0, atEnd: 0 });
});

test("PageGarbage collects ever less often in a list without an end", () => {
  const first = collections(200, 1_000_000).during;
  const tenTimes = collections(2000, 1_000_000).during;
  assert.equal(first, 41);
  assert.ok(tenTimes < 5 * first, `${tenTimes}`);
});

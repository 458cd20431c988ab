import { test } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import { DelayQueue } from "./delay_queue.ts";

test("DelayQueue gives keys in order of their instants, none early", () => {
  const queue = new DelayQueue();
  queue.set("late", 30);
  queue.set("soon", 10);
  queue.set("later moved", 5);
  queue.set("later moved", 20);
  queue.set("cleared", 1);
  queue.clear("cleared");
  assert.equal(queue.next(), 10);
  assert.equal(queue.takeDue(9), undefined);
  assert.equal(queue.takeDue(20), "soon");
  assert.equal(queue.takeDue(20), "later moved");
  assert.equal(queue.takeDue(20), undefined);
  assert.equal(queue.size, 1);
});

test("DelayQueue agrees with a plain map under any sets and clears", () => {
  const step = fc.record({
    key: fc.constantFrom(..."abcdefgh"),
    at: fc.option(fc.integer({ min: 0, max: 50 }), { nil: undefined }),
  });
  fc.assert(fc.property(fc.array(step, { maxLength: 200, size: "max" }), (steps) => {
    const queue = new DelayQueue();
    const model = new Map<string, number>();
    for (const { key, at } of steps) {
      if (at === undefined) queue.clear(key);
      else queue.set(key, at);
      if (at === undefined) model.delete(key);
      else model.set(key, at);
    }
    const taken = [];
    for (let at = queue.next(); at !== undefined; at = queue.next()) {
      taken.push([queue.takeDue(at), at]);
    }
    const instants = taken.map(([, at]) => at);
    assert.deepEqual(instants, [...instants].sort((a, b) => Number(a) - Number(b)));
    assert.deepEqual(new Map(taken as [string, number][]), model);
  }));
});

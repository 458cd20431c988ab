import { test } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import { DelayQueue } from "./delay_queue.ts";

test("DelayQueue gives keys in order of their instants, none early", () => {
  const deadlines = new DelayQueue();
  deadlines.set("late", 30);
  deadlines.set("soon", 10);
  deadlines.set("later moved", 5);
  deadlines.set("later moved", 20);
  deadlines.set("cleared", 1);
  deadlines.clear("cleared");
  assert.equal(deadlines.next(), 10);
  assert.equal(deadlines.takeDue(9), undefined);
  assert.equal(deadlines.takeDue(20), "soon");
  assert.equal(deadlines.takeDue(20), "later moved");
  assert.equal(deadlines.takeDue(20), undefined);
  assert.equal(deadlines.size, 1);
});

test("DelayQueue agrees with a plain map under any sets and clears", () => {
  const step = fc.record({
    key: fc.constantFrom(..."abcdefgh"),
    at: fc.option(fc.integer({ min: 0, max: 50 }), { nil: undefined }),
  });
  fc.assert(fc.property(fc.array(step, { maxLength: 200, size: "max" }), (steps) => {
    const deadlines = new DelayQueue();
    const model = new Map<string, number>();
    for (const { key, at } of steps) {
      if (at === undefined) deadlines.clear(key);
      else deadlines.set(key, at);
      if (at === undefined) model.delete(key);
      else model.set(key, at);
    }
    const taken = [];
    for (let at = deadlines.next(); at !== undefined; at = deadlines.next()) {
      taken.push([deadlines.takeDue(at), at]);
    }
    const instants = taken.map(([, at]) => at);
    assert.deepEqual(instants, [...instants].sort((a, b) => Number(a) - Number(b)));
    assert.deepEqual(new Map(taken as [string, number][]), model);
  }));
});

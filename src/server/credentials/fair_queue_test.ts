import { test } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import { FairQueue, type Urgency, type Waiting } from "./fair_queue.ts";

function waiting(
  key: string,
  namespace: string,
  urgency: Urgency,
  urgentAt = Infinity,
): Waiting {
  return { key, namespace, urgency, urgentAt };
}

function order(turns: FairQueue<Waiting>, now = 0): string[] {
  const keys = [];
  for (let item = turns.take(now); item !== undefined; item = turns.take(now)) keys.push(item.key);
  return keys;
}

test("FairQueue: urgent before scheduled before ahead", () => {
  const turns = new FairQueue<Waiting>();
  turns.add(waiting("renewal", "a", "ahead"));
  turns.add(waiting("pod", "a", "scheduled"));
  turns.add(waiting("dying", "a", "urgent"));
  assert.deepEqual(order(turns), ["dying", "pod", "renewal"]);
});

test("FairQueue: namespaces take turns, first in, first out in each", () => {
  const turns = new FairQueue<Waiting>();
  for (const key of ["a1", "a2", "a3"]) turns.add(waiting(key, "a", "scheduled"));
  turns.add(waiting("b1", "b", "scheduled"));
  turns.add(waiting("c1", "c", "scheduled"));
  assert.deepEqual(order(turns), ["a1", "b1", "c1", "a2", "a3"]);
});

test("FairQueue: a namespace that comes back at once goes to the end of the line", () => {
  const turns = new FairQueue<Waiting>();
  turns.add(waiting("a1", "a", "scheduled"));
  turns.add(waiting("b1", "b", "scheduled"));
  assert.equal(turns.take(0)?.key, "a1");
  turns.add(waiting("a2", "a", "scheduled"));
  assert.deepEqual(order(turns), ["b1", "a2"]);
});

test("FairQueue: a call becomes urgent at its instant", () => {
  const turns = new FairQueue<Waiting>();
  turns.add(waiting("pod", "a", "scheduled"));
  turns.add(waiting("renewal", "a", "ahead", 1000));
  assert.deepEqual(turns.counts(999), { urgent: 0, scheduled: 1, ahead: 1 });
  assert.deepEqual(turns.counts(1000), { urgent: 1, scheduled: 1, ahead: 0 });
  assert.deepEqual(order(turns, 1000), ["renewal", "pod"]);
});

test("FairQueue: one place for each key, and none once it is removed", () => {
  const turns = new FairQueue<Waiting>();
  turns.add(waiting("x", "a", "scheduled"));
  turns.add(waiting("x", "b", "urgent"));
  turns.add(waiting("y", "b", "ahead"));
  turns.remove("y");
  assert.equal(turns.size, 1);
  assert.deepEqual(order(turns), ["x"]);
});

const item = fc.record({
  namespace: fc.constantFrom("a", "b", "c", "d"),
  urgency: fc.constantFrom<Urgency>("urgent", "scheduled", "ahead"),
  urgentAt: fc.integer({ min: 0, max: 100 }),
});

test("FairQueue: loses nothing, invents nothing, and never lets a lesser urgency go first", () => {
  fc.assert(
    fc.property(fc.array(item, { maxLength: 60, size: "max" }), fc.nat(100), (items, now) => {
      const turns = new FairQueue<Waiting>();
      items.forEach((each, index) => turns.add({ ...each, key: `${index}` }));
      const taken = order(turns, now);
      assert.deepEqual([...taken].sort(), items.map((_, index) => `${index}`).sort());
      const rank = { urgent: 0, scheduled: 1, ahead: 2 };
      const ranks = taken.map((key) => items[Number(key)]).map((each) =>
        each === undefined || each.urgentAt <= now ? 0 : rank[each.urgency]
      );
      assert.deepEqual(ranks, [...ranks].sort((a, b) => a - b));
    }),
  );
});

test("FairQueue: between two turns of a namespace, each other that waits has one", () => {
  const crowd = fc.array(fc.constantFrom("a", "b", "c", "d"), { maxLength: 60, size: "max" });
  fc.assert(fc.property(crowd, (namespaces) => {
    const turns = new FairQueue<Waiting>();
    namespaces.forEach((name, index) => turns.add(waiting(`${name}${index}`, name, "scheduled")));
    const taken = order(turns).map((key) => key.charAt(0));
    taken.forEach((name, index) => {
      const again = taken.indexOf(name, index + 1);
      if (again < 0) return;
      const between = new Set(taken.slice(index + 1, again));
      const later = new Set(taken.slice(again).filter((other) => other !== name));
      for (const other of later) assert.ok(between.has(other), `${other} starved by ${name}`);
    });
  }));
});

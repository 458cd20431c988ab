import { test } from "node:test";
import assert from "node:assert/strict";
import { ConnectionLimits } from "./connection_limits.ts";

const node = "192.168.1.10";

test("connection limits: per peer and in total", () => {
  const limits = new ConnectionLimits(3, 2);
  const entered = ["a", "a", "a", "b", "c"].map((peer) => limits.enter({ peer, local: node }));
  assert.deepEqual(entered, [true, true, false, true, false]);
  assert.deepEqual([limits.open, limits.refused], [3, 2]);
  limits.leave("a");
  assert.ok(limits.enter({ peer: "c", local: node }));
});

test("connection limits: the machine's own are accepted when others use up the total, up to a peer's limit", () => {
  const limits = new ConnectionLimits(2, 2);
  for (const peer of ["10.0.0.7", "10.0.0.8"]) assert.ok(limits.enter({ peer, local: node }));
  assert.ok(!limits.enter({ peer: "10.0.0.9", local: node }));
  assert.deepEqual([1, 2, 3].map(() => limits.enter({ peer: node, local: node })), [
    true,
    true,
    false,
  ]);
  limits.leave(node);
  limits.leave(node);
  assert.equal(limits.open, 2);
});

test("connection limits: once all are open, the total may be raised, once", () => {
  let requested = 0;
  const limits = new ConnectionLimits(1, 9, () => {
    requested++;
    return 3;
  });
  const enter = () => limits.enter({ peer: "a", local: node });
  assert.ok(enter());
  assert.equal(requested, 0);
  assert.deepEqual([enter(), enter(), enter(), enter()], [true, true, false, false]);
  assert.equal(requested, 1);
});

test("connection limits: loopback addresses are limited too", () => {
  for (const address of ["127.0.0.1", "::1"]) {
    const limits = new ConnectionLimits(1, 5);
    assert.ok(limits.enter({ peer: address, local: address }));
    assert.ok(!limits.enter({ peer: address, local: address }));
  }
});

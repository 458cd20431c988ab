import { test } from "node:test";
import assert from "node:assert/strict";
import { removeRouteGuard, routeGuard } from "./route_guard.ts";
import type { ProgramResult } from "../ports.ts";

const good = { code: 0, stdout: "[]", stderr: "" };

/** A node that gives each kind of call its answer and keeps the calls. */
function node(answer: (call: string) => Partial<ProgramResult>) {
  const calls: string[] = [];
  const run = (command: string, args: readonly string[]) => {
    const call = [command, ...args].join(" ");
    calls.push(call);
    return Promise.resolve({ ...good, ...answer(call) });
  };
  return { calls, run };
}

// what is wrong, the answer of `ip`, code and text of the fault
const faults = [
  ["no program", { code: 127 }, "no_program", /ip rule show: no such program; install iproute2/],
  [
    "no right",
    { code: 2, stderr: "RTNETLINK answers: Operation not permitted" },
    "no_permission",
    /NET_ADMIN/,
  ],
  [
    "an old kernel",
    { code: 2, stderr: "RTNETLINK answers: Operation not supported" },
    "no_module",
    /MULTIPLE_TABLES/,
  ],
  ["another ip", { stdout: "0: from all lookup local" }, "failed", /not the JSON of iproute2/],
] as const;

for (const [what, answer, code, message] of faults) {
  test(`routeGuard() ${what}: ${code}`, async () => {
    const { run } = node(() => answer);
    await assert.rejects(routeGuard(run, true).ensure(), { code, message });
  });
}

test("rules that don't stay are a fault", async () => {
  const { run, calls } = node(() => ({}));
  await assert.rejects(routeGuard(run, false).ensure(), { message: /another program removes/ });
  assert.deepEqual(calls, [
    "ip -4 route show table 82",
    "ip -4 route replace local 169.254.169.254 dev lo table 82 proto 82",
    "ip -4 -j rule show",
    "ip -4 -force -batch -",
    "ip -4 -j rule show",
  ]);
});

test("IPv6 is guarded even if IPv4 can't be", async () => {
  const { run, calls } = node((call) => call.includes("-4") ? { code: 1 } : {});
  await assert.rejects(routeGuard(run, true).ensure(), { code: "failed" });
  assert.ok(calls.includes("ip -6 -force -batch -"));
});

test("nothing is removed if nothing is there, or without the program", async () => {
  const { run, calls } = node(() => ({}));
  assert.equal(await removeRouteGuard(run, true), false);
  assert.deepEqual(calls, ["ip -4 -j rule show", "ip -6 -j rule show"]);
  assert.equal(await removeRouteGuard(node(() => ({ code: 127 })).run, true), false);
});

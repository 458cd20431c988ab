import { test } from "node:test";
import assert from "node:assert/strict";
import type { ProgramResult } from "../ports.ts";
import { allButUplink } from "./interface_match.ts";

const good = { code: 0, stdout: "[]", stderr: "" };

/** A node whose `ip` gives these answers by family. */
function node(answers: Readonly<Record<string, Partial<ProgramResult>>>) {
  return (command: string, [family = "", ...args]: readonly string[]) => {
    assert.equal([command, ...args].join(" "), "ip -j route show default");
    return Promise.resolve({ ...good, ...answers[family] });
  };
}

function routes(...list: readonly object[]): Partial<ProgramResult> {
  return { stdout: JSON.stringify(list.map((route) => ({ dst: "default", ...route }))) };
}

const unreachable = { type: "unreachable", dev: "lo", metric: 4294967295, flags: [] };

// what the node has, the answers of `ip`, the interface
const found = [
  ["one default route", { "-4": routes({ gateway: "10.0.0.1", dev: "ens5" }) }, "ens5"],
  [
    "two, by metric",
    { "-4": routes({ dev: "eth1", metric: 100 }, { dev: "eth0", metric: 200 }) },
    "eth1",
  ],
  [
    "several next hops",
    { "-4": routes({ nexthops: [{ dev: "bond0.12", weight: 1 }, { dev: "eth1", weight: 1 }] }) },
    "bond0.12",
  ],
  ["IPv6 alone, and no output for IPv4", {
    "-4": { stdout: "" },
    "-6": routes({ gateway: "fe80::1", dev: "enp0s3" }, unreachable),
  }, "enp0s3"],
] as const;

for (const [what, answers, name] of found) {
  test(`allButUplink() ${what}: !${name}`, async () => {
    assert.deepEqual(await allButUplink(node(answers)), { name, inverted: true });
  });
}

// what is wrong, the answers, code and text of the fault
const faults = [
  ["no default route", {}, "failed", /no default route; set the pods' interface/],
  ["an unreachable one", { "-6": routes(unreachable) }, "failed", /no default route/],
  ["no program", { "-4": { code: 127 } }, "no_program", /--interface=auto: .*install iproute2/],
  ["another ip", { "-4": { stdout: "default via 10.0.0.1" } }, "failed", /not the JSON/],
] as const;

for (const [what, answers, code, message] of faults) {
  test(`allButUplink() ${what}: ${code}`, async () => {
    await assert.rejects(allButUplink(node(answers)), { name: "RedirectFault", code, message });
  });
}

import { test } from "node:test";
import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { closeSync, openSync } from "node:fs";
import { findOpenFilesLimit, hasIpv6, processUsage } from "./machine.ts";
import { StopSignals } from "./process.ts";

async function proc(files: Record<string, string>): Promise<string> {
  const base = await mkdtemp(join(tmpdir(), "rolecall-"));
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(base, name)), { recursive: true });
    await writeFile(join(base, name), text);
  }
  return base;
}
const limits = (soft: string) =>
  `Limit                     Soft Limit           Hard Limit           Units     
Max open files            ${soft}                 524288               files     
`;

test("findOpenFilesLimit: the soft limit, or a default", async (t) => {
  const base = await proc({ a: limits("20000"), b: limits("unlimited") });
  t.after(() => rm(base, { recursive: true }));
  const [a, b, none] = [join(base, "a"), join(base, "b"), join(base, "none")];
  assert.equal(findOpenFilesLimit("quick", [none, a]), 20_000);
  assert.equal(findOpenFilesLimit("quick", [b, a]), 1_048_576);
  assert.equal(findOpenFilesLimit("quick", [none], none), 1024);
});

// files of /proc beside self/limits, answer
const machines = [
  [{}, false],
  [{ "net/if_inet6": "00 01 lo\n" }, true],
  [{ "net/if_inet6": "00 01 lo\n", "sys/net/ipv6/conf/all/disable_ipv6": "0\n" }, true],
  [{ "net/if_inet6": "00 01 lo\n", "sys/net/ipv6/conf/all/disable_ipv6": "1\n" }, false],
] as const;

for (const [files, expected] of machines) {
  test(`hasIpv6: ${JSON.stringify(files)} gives ${expected}`, async (t) => {
    const base = await proc({ "self/limits": limits("1"), ...files });
    t.after(() => rm(base, { recursive: true }));
    assert.equal(hasIpv6(base), expected);
  });
}

test("findOpenFilesLimit: without /proc, as many as can be opened, and all are closed again", () => {
  for (const [effort, most] of [["quick", 4096], ["full", 16_384]] as const) {
    const first = findOpenFilesLimit(effort, ["/nowhere"]);
    assert.ok(first > 100 && first <= most, String(first));
    assert.equal(findOpenFilesLimit(effort, ["/nowhere"]), first);
  }
});

const address = { netmask: "", mac: "", internal: true, cidr: null };
const loopback = { ...address, address: "127.0.0.1", family: "IPv4" as const };
const loopback6 = { ...address, address: "::1", family: "IPv6" as const, scopeid: 0 };

test("hasIpv6: without /proc, an interface's address decides", () => {
  assert.equal(hasIpv6("/nowhere", () => ({ lo: [loopback] })), false);
  assert.equal(hasIpv6("/nowhere", () => ({ lo: [loopback, loopback6] })), true);
  assert.equal(
    hasIpv6("/nowhere", () => {
      throw new Error("not permitted");
    }),
    true,
  );
});

test("stop: the first signal requests a stop, the second ends the process", () => {
  const received: unknown[] = [];
  const signals = new StopSignals((code) => received.push(code));
  signals.onStop((signal) => received.push(signal));
  signals.arrived("SIGTERM");
  signals.arrived("SIGINT");
  assert.deepEqual(received, ["SIGTERM", 130]);
});

test("stop: without a listener, a signal ends the process", () => {
  const received: number[] = [];
  new StopSignals((code) => received.push(code)).arrived("SIGTERM");
  assert.deepEqual(received, [143]);
});

test("processUsage: of this process; open files in the first procfs that can be read", () => {
  const before = processUsage(["/proc"]);
  const file = openSync("/dev/null", "r");
  const after = processUsage(["/nowhere", "/proc"]);
  closeSync(file);
  assert.equal(after.openFiles, before.openFiles! + 1);
  assert.ok(after.cpuSeconds >= before.cpuSeconds && before.cpuSeconds > 0);
  assert.ok(before.residentBytes > 10_000_000);
  const age = Date.now() / 1000 - before.startedAt;
  assert.ok(age > 0 && age < 3600, `${age}`);
  assert.equal(processUsage(["/nowhere"]).openFiles, null);
});

import { test } from "node:test";
import assert from "node:assert/strict";
import { flushPromises, ManualClock } from "../../../tests/fakes/manual_clock.ts";
import { RecordedLog } from "../../../tests/fakes/recorded_log.ts";
import { warnOfSharedBridge } from "./shared_bridge.ts";

const bridge = { ifname: "cni0", linkinfo: { info_kind: "bridge" } };
const port = (n: number, master?: string) => ({
  ifname: `veth${n}`,
  link_netnsid: n,
  ...master && { master },
  linkinfo: { info_kind: "veth" },
});

// name, links of the node, pods with NET_RAW, whether to warn
const cases = [
  ["two pods on a bridge", [bridge, port(1, "cni0"), port(2, "cni0")], 1, true],
  ["none of which may use raw sockets", [bridge, port(1, "cni0"), port(2, "cni0")], 0, false],
  ["one pod on a bridge", [bridge, port(1, "cni0")], 1, false],
  ["routed pods", [{ ifname: "lo" }, port(1), port(2)], 2, false],
  ["no iproute2", null, 2, false],
] as const;

for (const [name, links, pods, warns] of cases) {
  test(`warnOfSharedBridge() ${name}: ${warns ? "warns" : "says nothing"}`, async () => {
    const clock = new ManualClock();
    const log = new RecordedLog();
    const stop = new AbortController();
    const running = warnOfSharedBridge({
      run: () =>
        Promise.resolve({
          code: 0,
          stderr: "",
          stdout: links === null ? "" : JSON.stringify(links),
        }),
      kernel: () => ({ podsWith: () => Promise.resolve(pods) }) as never,
      clock,
      log,
    }, stop.signal);
    await flushPromises();
    await clock.advance(600_000);
    assert.equal(log.lines.length, warns ? 1 : 0);
    stop.abort();
    await running;
    assert.equal(clock.pending(), 0);
  });
}

test("warnOfSharedBridge() runs nothing at the start, and without the kernel never", async () => {
  for (const [kernel, runs] of [[{ podsWith: () => Promise.resolve(0) }, 1], [null, 0]] as const) {
    const clock = new ManualClock();
    const stop = new AbortController();
    let ran = 0;
    const run = () => {
      ran++;
      return Promise.resolve({ code: 0, stderr: "", stdout: "[]" });
    };
    const options = { run, kernel: () => kernel as never, clock, log: new RecordedLog() };
    const running = warnOfSharedBridge(options, stop.signal);
    await clock.advance(9_999);
    assert.equal(ran, 0);
    await clock.advance(1);
    assert.equal(ran, runs);
    stop.abort();
    await running;
  }
});

/**
 * Repair of the redirect on real packet filters, on the kernel's notification alone: the poll is
 * switched off. Needs root on Linux: `deno test -A tests/system/redirect_repair_test.ts`.
 */
import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { createRedirect } from "../../src/agent/redirect/create_redirect.ts";
import { systemClock } from "../../src/time/system_clock.ts";
import { RecordedLog } from "../fakes/recorded_log.ts";
import { cannotRun, FirewallNetwork, redirectSettings } from "./firewall_network.ts";
import { until } from "./until.ts";

const why = await cannotRun();
if (why !== null) console.error(`redirect_repair_test: nothing tested: ${why}`);
const options = why === null ? {} : { skip: why };
const network = new FirewallNetwork();

before(async () => {
  if (why === null) await network.open();
});
after(async () => {
  if (why === null) await network.close();
});

/** Timers of the poll, which are longer than a second, never fire. */
const clock = {
  ...systemClock,
  after: (ms: number, run: () => void) =>
    ms > 1000 ? systemClock.after(600_000, run) : systemClock.after(ms, run),
};

const flushes = [
  ["iptables", "iptables-nft -t nat -F"],
  ["iptables", "iptables-nft -t filter -F"],
  ["iptables", "nft flush ruleset"],
  ["nftables", "nft flush chain inet rolecall prerouting"],
  ["nftables", "nft flush ruleset"],
  ["nftables", "ip rule del pref 0 to 169.254.169.254 table 82"],
] as const;

for (const [kind, flush] of flushes) {
  test(`${kind}: ${flush} is repaired on the kernel's notification`, options, async () => {
    const stop = new AbortController();
    const reconciler = createRedirect(
      { run: network.onNode, follow: network.followOnNode, hasIpv6: true },
      {
        ...redirectSettings,
        redirect: kind,
        listen: { host: "::", port: redirectSettings.port },
      },
      { clock, log: new RecordedLog() },
    )!;
    await reconciler.check();
    const repairs = () => reconciler.status().repairs + reconciler.status().guard!.repairs;
    const running = reconciler.run(stop.signal);
    const [program = "", ...args] = flush.split(" ");
    // The monitors may still be starting, so the first flush may go unnoticed.
    await until("a repair", async () => {
      await reconciler.check();
      const before = repairs();
      assert.equal((await network.onNode(program, args)).code, 0);
      const repaired = until("notice", () => repairs() > before, { within: 3000, every: 10 });
      return await repaired.then(() => true, () => false);
    });
    assert.equal(await network.requestFromPod("169.254.169.254"), "agent");
    stop.abort();
    await running;
    await network.onNode("nft", ["flush", "ruleset"]);
  });
}

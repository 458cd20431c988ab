/**
 * The redirect on a node that has kiam's or kube2iam's rule as well, as during a change-over: who
 * gets the pods' requests, and whose rules stay. Needs root on Linux, as redirect_test.ts.
 */
import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { iptablesBackend } from "../../src/agent/redirect/iptables_backend.ts";
import { nftablesBackend } from "../../src/agent/redirect/nftables_backend.ts";
import { removeRedirect } from "../../src/agent/redirect/remove_redirect.ts";
import { cannotRun, FirewallNetwork, nodeAddress, redirectSettings } from "./firewall_network.ts";

const why = await cannotRun();
if (why !== null) console.error(`beside_kiam_test: nothing tested: ${why}`);
const options = why === null ? {} : { skip: why };

const v4 = "169.254.169.254";
/** Nobody listens there: what gets no answer went to kiam. */
const kiamPort = 3100;
const network = new FirewallNetwork();
const run = network.onNode;

before(async () => {
  if (why === null) await network.open();
});
after(async () => {
  if (why === null) await network.close();
});

const filters = [
  ["iptables-nft", "iptables-nft"],
  ["iptables-legacy", "iptables-legacy"],
  // kiam knows iptables alone; ours may be nft's beside it.
  ["nftables", "iptables-nft"],
] as const;

/** As kiam's and kube2iam's cmd/iptables.go append it. */
function theirRule(program: string, action: "-A" | "-D" | "-C"): string {
  return `${program} -t nat ${action} PREROUTING -p tcp -d ${v4} --dport 80 -j DNAT ` +
    `--to-destination ${nodeAddress}:${kiamPort} ! -i eth0`;
}

async function code(command: string): Promise<number> {
  const [program = "", ...args] = command.split(" ");
  return (await run(program, args)).code;
}

async function clean(): Promise<void> {
  await code("nft flush ruleset");
  for (const table of ["nat", "filter"]) await code(`iptables-legacy -t ${table} -F`);
}

for (const [kind, program] of filters) {
  const parts = { run, hasIpv6: true, settings: redirectSettings };
  const redirect = kind === "nftables"
    ? nftablesBackend(parts)
    : iptablesBackend({ ...parts, variant: kind, program });

  test(`${kind}: kiam's rule was there first, and gets no more requests`, options, async () => {
    await clean();
    assert.equal(await code(theirRule(program, "-A")), 0);
    assert.equal(await network.requestFromPod(v4), null);
    assert.equal(await redirect.ensure(), true);
    assert.equal(await network.requestFromPod(v4), "agent");
    assert.equal(await redirect.ensure(), false, "kiam's rule is no reason to repair");
  });

  test(
    `${kind}: kiam starts again and appends its rule; ours stays in front`,
    options,
    async () => {
      await code(theirRule(program, "-D"));
      assert.equal(await code(theirRule(program, "-A")), 0);
      assert.equal(await network.requestFromPod(v4), "agent");
      assert.equal(await redirect.ensure(), false);
    },
  );

  test(
    `${kind}: going back, uninstall leaves kiam's rule, which works again`,
    options,
    async () => {
      await removeRedirect(run, true);
      assert.equal(await code(theirRule(program, "-C")), 0);
      assert.equal(await network.requestFromPod(v4), null);
    },
  );

  test(`${kind}: uninstalling kiam removes only its own rule`, options, async () => {
    await redirect.ensure();
    assert.equal(await code(theirRule(program, "-D")), 0);
    assert.equal(await network.requestFromPod(v4), "agent");
    assert.equal(await redirect.ensure(), false);
  });
}

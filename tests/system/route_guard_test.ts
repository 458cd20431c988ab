/**
 * The route guard on a real kernel, in its own network namespaces: what happens to pods'
 * requests while the whole packet filter is flushed. Needs root on Linux:
 * `deno test -A tests/system/route_guard_test.ts`, or `node --test tests/system/route_guard_test.ts`.
 */
import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { iptablesBackend } from "../../src/agent/redirect/iptables_backend.ts";
import { nftablesBackend } from "../../src/agent/redirect/nftables_backend.ts";
import { removeRedirect } from "../../src/agent/redirect/remove_redirect.ts";
import { removeRouteGuard, routeGuard } from "../../src/agent/redirect/route_guard.ts";
import { cannotRun, FirewallNetwork, redirectSettings } from "./firewall_network.ts";

const why = await cannotRun();
if (why !== null) console.error(`route_guard_test: nothing tested: ${why}`);
const options = why === null ? {} : { skip: why };

const v4 = "169.254.169.254";
const v6 = "fd00:ec2::254";
const network = new FirewallNetwork();
const run = network.onNode;
/** With nothing but what the agent's container has. */
const asAgent: typeof run = (command, args, more) => {
  const few = ["--bounding-set=-all,+net_admin", "--inh-caps=-all", command, ...args];
  return run("setpriv", few, more);
};
const guard = routeGuard(asAgent, true);

before(async () => {
  if (why === null) await network.open();
});
after(async () => {
  if (why === null) await network.close();
});

const parts = { run, hasIpv6: true, settings: redirectSettings };
/** Each kind of packet filter, and how others flush all of it. */
const filters = [
  [
    iptablesBackend({ ...parts, variant: "iptables-nft", program: "iptables-nft" }),
    ["iptables-nft -F", "iptables-nft -t nat -F", "ip6tables-nft -F", "ip6tables-nft -t nat -F"],
  ],
  [
    iptablesBackend({ ...parts, variant: "iptables-nft", program: "iptables-nft" }),
    ["nft flush ruleset"],
  ],
  [
    iptablesBackend({ ...parts, variant: "iptables-legacy", program: "iptables-legacy" }),
    [
      "iptables-legacy -F",
      "iptables-legacy -t nat -F",
      "ip6tables-legacy -F",
      "ip6tables-legacy -t nat -F",
    ],
  ],
  [nftablesBackend(parts), ["nft flush ruleset"]],
] as const;

async function must(command: string): Promise<string> {
  const [program = "", ...args] = command.split(" ");
  const { code, stdout, stderr } = await run(program, args);
  assert.equal(code, 0, `${command}: ${stderr}`);
  return stdout;
}

/** Who answers pod and node, by either address. */
async function answers() {
  const [pod, pod6, node, node6] = await Promise.all([
    network.requestFromPod(v4),
    network.requestFromPod(v6),
    network.requestFromNode(v4),
    network.requestFromNode(v6),
  ]);
  return { pod, pod6, node, node6 };
}

const guarded = { pod: null, pod6: null, node: "imds", node6: "imds" };
const served = { pod: "agent", pod6: "agent", node: "imds", node6: "imds" };
const open = { pod: "imds", pod6: "imds", node: "imds", node6: "imds" };

test("without a packet filter the guard leaves the service to the node", options, async () => {
  assert.deepEqual(await answers(), open);
  const early = await network.openFromPod(v4);
  assert.equal(await guard.ensure(), true);
  assert.equal(await guard.ensure(), false);
  assert.deepEqual(await answers(), guarded);
  assert.equal(await network.requestFromPod(v4, 8080), null);
  assert.equal(await network.requestFromPod("10.232.2.2", 8080), "imds");
  assert.equal(await early.send(), null);
});

for (const [backend, flush] of filters) {
  test(`${backend.kind}: nothing gets past ${flush[0]}`, options, async () => {
    try {
      await backend.ensure();
      assert.deepEqual(await answers(), served);
      const counted = await network.countFromPod();
      const before = await counted();
      const loops = [await network.loopFromPod(v4), await network.loopFromPod(v6)];
      for (let round = 0; round < 2; round++) {
        for (const command of flush) await must(command);
        assert.deepEqual(await answers(), guarded);
        await backend.ensure();
        assert.deepEqual(await answers(), served);
      }
      for (const loop of loops) {
        const { agent = 0, nobody: _, ...others } = await loop.end();
        assert.ok(agent > 0);
        assert.deepEqual(others, {});
      }
      assert.equal(await counted() - before, 0);
    } finally {
      await removeRedirect(run, true);
    }
  });
}

for (const [backend] of filters) {
  test(`${backend.kind}: without its redirect, pods are refused at once`, options, async () => {
    try {
      await backend.ensure();
      await must(
        backend.kind === "nftables"
          ? "nft flush chain inet rolecall prerouting"
          : `${backend.kind} -t nat -F`,
      );
      for (let attempt = 0; attempt < 10; attempt++) {
        assert.equal(await network.connectFromPod(v4), "ECONNREFUSED");
      }
      await must(`ip route del local ${v4} table 82`);
      assert.notEqual(await network.connectFromPod(v4), "connected");
      assert.equal(await guard.ensure(), true);
      assert.equal(await network.connectFromPod(v4), "ECONNREFUSED");
    } finally {
      await removeRedirect(run, true);
    }
  });
}

/** The rules by which kube-proxy leads to a Service; what it loads when it reloads. */
const proxied = `*nat
:KUBE-SERVICES - [0:0]
:KUBE-SVC-DNS - [0:0]
:KUBE-SEP-DNS - [0:0]
-A KUBE-SERVICES -d 10.96.0.10/32 -p tcp -m tcp --dport 53 -j KUBE-SVC-DNS
-A KUBE-SVC-DNS -j KUBE-SEP-DNS
-A KUBE-SEP-DNS -p tcp -m tcp -j DNAT --to-destination 10.232.2.2:8080
COMMIT
*filter
:KUBE-FORWARD - [0:0]
-A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP
COMMIT
`;
const jump = '-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES';
/** As somebody restores what was saved before us: both tables are replaced. */
const saved = proxied.replace("COMMIT", `${jump}\nCOMMIT`);

async function restore(program: string, rules: string, ...args: string[]): Promise<void> {
  const { code, stderr } = await run(`${program}-restore`, args, { stdin: rules });
  assert.equal(code, 0, stderr);
}

const [[overNft], , [overLegacy], [nftables]] = filters;
for (const backend of [overNft, overLegacy, nftables]) {
  for (const theirs of ["iptables-nft", "iptables-legacy"]) {
    test(`${backend.kind}: nothing gets past kube-proxy over ${theirs}`, options, async () => {
      try {
        await guard.ensure();
        await backend.ensure();
        const counted = await network.countFromPod();
        const loop = await network.loopFromPod(v4);
        await restore(theirs, proxied, "--noflush", "--counters");
        await restore(
          theirs,
          `*nat\n${jump.replace("-A PREROUTING", "-I PREROUTING 1")}\nCOMMIT\n`,
          "--noflush",
        );
        assert.equal(await backend.ensure(), backend.kind === theirs, "ours come first");
        for (let reload = 0; reload < 5; reload++) {
          await restore(theirs, proxied, "--noflush", "--counters");
          assert.equal(await backend.ensure(), false);
        }
        assert.deepEqual(await answers(), served);
        await restore(theirs, saved);
        assert.equal(await backend.ensure(), backend.kind === theirs, "they were replaced");
        assert.deepEqual(await answers(), served);
        const { agent = 0, nobody: _, ...others } = await loop.end();
        assert.ok(agent > 0);
        assert.deepEqual(others, {});
        assert.equal(await counted(), 0);
      } finally {
        await removeRedirect(run, true);
        for (const table of ["nat", "filter"]) {
          await must(`${theirs} -t ${table} -F`);
          await must(`${theirs} -t ${table} -X`);
        }
      }
    });
  }
}

// what others do to the rules
const damage = [
  "ip rule del pref 1",
  "ip -6 rule del pref 1",
  `ip rule del pref 0 to ${v4} prohibit`,
  `ip rule del pref 0 to ${v4} iif lo goto 1`,
  `ip -6 rule del pref 0 to ${v6} iif lo goto 1`,
  `ip rule add pref 7 to ${v4} iif lo blackhole protocol 82`,
];

test("rules that others remove or add are repaired", options, async () => {
  for (const command of damage) {
    await must(command);
    assert.equal(await guard.ensure(), true, command);
    assert.equal(await guard.ensure(), false, command);
    assert.deepEqual(await answers(), guarded, command);
  }
});

test("the node's own route through rules of others stays", options, async () => {
  await must(`ip route add ${v4} via 10.232.2.2 table 77`);
  await must(`ip route del ${v4}`);
  assert.equal(await network.requestFromNode(v4), null);
  await must("ip rule add pref 512 lookup 77");
  // Without a preference it comes before all but the guard's and the kernel's own.
  await must("ip rule add from 10.232.1.2 lookup 77");
  assert.deepEqual(await answers(), guarded);
  assert.equal(await guard.ensure(), false);
  await must("ip rule del from 10.232.1.2 lookup 77");
  await must("ip rule del pref 512");
  await must(`ip route add ${v4} via 10.232.2.2`);
});

test("if a CNI plugin moves the local table back, nothing changes", options, async () => {
  for (const command of ["ip", "ip -6"]) {
    await must(`${command} rule add pref 100 lookup local`);
    await must(`${command} rule del pref 0 lookup local`);
  }
  assert.deepEqual(await answers(), guarded);
  assert.equal(await guard.ensure(), false);
  for (const command of ["ip", "ip -6"]) {
    await must(`${command} rule add pref 0 lookup local`);
    await must(`${command} rule del pref 100`);
  }
  assert.deepEqual(await answers(), guarded);
  assert.equal(await guard.ensure(), false);
});

test("with strict reverse path filtering the node reaches the service", options, async () => {
  await must("sysctl -qw net.ipv4.conf.all.rp_filter=1 net.ipv4.conf.eth0.rp_filter=1");
  assert.deepEqual(await answers(), guarded);
  await must("sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.eth0.rp_filter=0");
});

test("two agents at once add no rule twice", options, async () => {
  await removeRouteGuard(asAgent, true);
  await Promise.all([guard.ensure(), routeGuard(asAgent, true).ensure()]);
  assert.equal(await guard.ensure(), false);
  assert.deepEqual(await answers(), guarded);
});

test("pods behind a bridge are kept off as well", options, async () => {
  await network.bridgePods();
  assert.deepEqual(await answers(), guarded);
  const [backend, flush] = filters[0];
  await backend.ensure();
  assert.deepEqual(await answers(), served);
  for (const command of flush) await must(command);
  assert.deepEqual(await answers(), guarded);
});

test("removed whole, twice without complaint, other rules left alone", options, async () => {
  await must(`ip rule add pref 1 to ${v4} iif lo lookup main`);
  assert.equal(await removeRouteGuard(asAgent, true), true);
  assert.deepEqual(await answers(), open);
  assert.equal(await removeRouteGuard(asAgent, true), false);
  const left = await must("ip rule show");
  assert.match(left, /^1:\tfrom all to 169\.254\.169\.254 iif lo lookup main ?$/m);
  assert.doesNotMatch(left + await must("ip -6 rule show"), /proto 82/);
});

test("without the capability NET_ADMIN the fault names it", options, async () => {
  const powerless: typeof run = (command, args, more) =>
    run("setpriv", ["--bounding-set=-net_admin", "--inh-caps=-net_admin", command, ...args], more);
  const message = /NET_ADMIN/;
  await assert.rejects(routeGuard(powerless, true).ensure(), { code: "no_permission", message });
});

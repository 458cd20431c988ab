/**
 * The redirect on real packet filters, in its own network namespaces. Needs root on Linux:
 * `deno test -A tests/system/redirect_test.ts`, or `node --test tests/system/redirect_test.ts`.
 */
import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { chooseBackend } from "../../src/agent/redirect/choose_backend.ts";
import { cutFlows } from "../../src/agent/redirect/cut_flows.ts";
import { interfaceMatch } from "../../src/agent/redirect/interface_match.ts";
import {
  iptablesBackend,
  type RedirectBackend,
} from "../../src/agent/redirect/iptables_backend.ts";
import { nftablesBackend } from "../../src/agent/redirect/nftables_backend.ts";
import type { RedirectSettings } from "../../src/agent/redirect/redirect_rules.ts";
import { removeRedirect } from "../../src/agent/redirect/remove_redirect.ts";
import { cannotRun, FirewallNetwork, nodeAddress, redirectSettings } from "./firewall_network.ts";
import { until } from "./until.ts";

const why = await cannotRun();
if (why !== null) console.error(`redirect_test: nothing tested: ${why}`);
const options = why === null ? {} : { skip: why };

const kinds = ["iptables-nft", "iptables-legacy", "nftables"] as const;
const v4 = "169.254.169.254";
const v6 = "fd00:ec2::254";
const network = new FirewallNetwork();
const run = network.onNode;

before(async () => {
  if (why === null) await network.open();
});
after(async () => {
  if (why === null) await network.close();
});

function backend(kind: typeof kinds[number], changes: Partial<RedirectSettings> = {}) {
  const parts = { run, hasIpv6: true, settings: { ...redirectSettings, ...changes } };
  if (kind === "nftables") return nftablesBackend(parts);
  return iptablesBackend({ ...parts, variant: kind, program: kind });
}

async function on(kind: typeof kinds[number], changes: Partial<RedirectSettings> = {}) {
  const made: RedirectBackend = backend(kind, changes);
  assert.equal(await made.ensure(), true);
  return made;
}

async function must(command: string): Promise<void> {
  const [program = "", ...args] = command.split(" ");
  const { code, stderr } = await run(program, args);
  assert.equal(code, 0, `${command}: ${stderr}`);
}

/** What others do to the rules, by kind. */
const damage = {
  "iptables-nft": [
    "iptables-nft -t nat -F",
    "iptables-nft -t nat -D PREROUTING -j ROLECALL",
    "iptables-nft -t filter -F ROLECALL",
    "iptables-nft -t filter -D INPUT -j ROLECALL",
    "ip6tables-nft -t nat -F ROLECALL",
    "nft flush ruleset",
    "iptables-nft -t nat -I PREROUTING 1 -p tcp -j DNAT --to-destination 10.232.2.2:8080",
  ],
  "iptables-legacy": [
    "iptables-legacy -t nat -F",
    "iptables-legacy -t filter -F FORWARD",
    "ip6tables-legacy -t filter -F ROLECALL",
    "iptables-legacy -t nat -I PREROUTING 1 -p tcp -j DNAT --to-destination 10.232.2.2:8080",
  ],
  nftables: [
    "nft flush ruleset",
    "nft delete table inet rolecall",
    "nft flush chain inet rolecall prerouting",
    "nft add rule inet rolecall prerouting accept",
    "nft insert rule inet rolecall forward accept",
  ],
} as const;

async function clean(): Promise<void> {
  await must("nft flush ruleset");
  for (const program of ["iptables-legacy", "ip6tables-legacy"]) {
    for (const table of ["nat", "filter"]) {
      await must(`${program} -t ${table} -F`);
      await must(`${program} -t ${table} -X`);
    }
  }
}

test("without a redirect the pod reaches the metadata service", options, async () => {
  assert.equal(await network.requestFromPod(v4), "imds");
  assert.equal(await network.requestFromPod(v6), "imds");
});

for (const kind of kinds) {
  test(
    `${kind}: the pod's requests go to the agent, in place the second time`,
    options,
    async () => {
      await clean();
      const made = await on(kind);
      assert.equal(await network.requestFromPod(v4), "agent");
      assert.equal(await network.requestFromPod(v6), "agent");
      assert.equal(await made.ensure(), false);
    },
  );

  test(`${kind}: other ports of the metadata service are closed to pods`, options, async () => {
    assert.equal(await network.requestFromPod(v4, 8080), null);
    assert.equal(await network.requestFromPod(v6, 8080), null);
  });

  test(
    `${kind}: the agent's port is closed to pods, open to the node itself`,
    options,
    async () => {
      assert.equal(await network.requestFromPod(nodeAddress, 8181), null);
      assert.equal(await network.requestFromPod("10.232.2.1", 8181), null);
      assert.equal(await network.requestFromNode(nodeAddress, 8181), "agent");
      assert.equal(await network.requestFromNode("127.0.0.1", 8181), "agent");
      assert.equal(await network.requestFromPod("10.232.2.2", 8080), "imds");
    },
  );

  test(`${kind}: the node itself reaches the real service`, options, async () => {
    assert.equal(await network.requestFromNode(v4), "imds");
  });

  test(`${kind}: what others flush, delete or put before is repaired`, options, async () => {
    await clean();
    const made = await on(kind);
    for (const command of damage[kind]) {
      await must(command);
      assert.equal(await made.ensure(), true, command);
      assert.equal(await made.ensure(), false, command);
      assert.equal(await network.requestFromPod(v4), "agent", command);
    }
  });

  if (kind === "iptables-legacy") {
    test(
      `${kind}: one look shows a redirect that is gone or no longer first`,
      options,
      async () => {
        await clean();
        const made = await on(kind);
        for (
          const command of [
            "iptables-legacy -t nat -F",
            "ip6tables-legacy -t nat -F PREROUTING",
            "iptables-legacy -t nat -I PREROUTING 1 -p tcp -j ACCEPT",
          ]
        ) {
          assert.equal(await made.isMissing?.(), false, command);
          await must(command);
          assert.equal(await made.isMissing?.(), true, command);
          await made.ensure();
        }
      },
    );
  }

  test(`${kind}: rules of another port and interface are replaced`, options, async () => {
    await clean();
    await on(kind, { port: 8282, interface: interfaceMatch("other+")! });
    assert.equal(await network.requestFromPod(v4), null);
    const made = await on(kind);
    assert.equal(await network.requestFromPod(v4), "agent");
    assert.equal(await made.ensure(), false);
  });

  test(`${kind}: wildcard, any interface, and direct requests`, options, async () => {
    await clean();
    await on(kind, { interface: interfaceMatch("pod+")!, direct: true });
    assert.equal(await network.requestFromPod(v4), "agent");
    assert.equal(await network.requestFromPod(nodeAddress, 8181), "agent");
    await on(kind, { interface: interfaceMatch("")! });
    assert.equal(await network.requestFromPod(v4), "agent");
  });

  test(`${kind}: without an IPv6 address of the node IPv6 is closed`, options, async () => {
    await clean();
    await on(kind);
    const made = await on(kind, { hostIpv6: null });
    assert.equal(await network.requestFromPod(v6), null);
    assert.equal(await network.requestFromPod(v4), "agent");
    assert.equal(await made.ensure(), false);
  });

  test(`${kind}: a connection from before is cut, a redirected one isn't`, options, async () => {
    await clean();
    const early = await network.openFromPod(v4);
    await on(kind);
    const redirected = await network.openFromPod(v4);
    assert.ok(await cutFlows(run, true) >= 1);
    assert.equal(await early.send(), null);
    assert.equal(await redirected.send(), "agent");
  });

  test(
    `${kind}: while rules are put back again and again nothing slips past`,
    options,
    async () => {
      await clean();
      const ports = [8181, 8282];
      await on(kind);
      const requested: Promise<string | null>[] = [];
      for (let round = 0; round < 6; round++) {
        requested.push(network.requestFromPod(v4));
        await backend(kind, { port: ports[round % 2]! }).ensure();
      }
      const answers = await Promise.all(requested);
      assert.ok(!answers.includes("imds"), answers.join());
      assert.ok(answers.includes("agent"), answers.join());
    },
  );

  test(`${kind}: removed whole, twice without complaint`, options, async () => {
    await clean();
    await on(kind);
    assert.deepEqual(await removeRedirect(run, true), { removed: [kind], problems: [] });
    assert.equal(await network.requestFromPod(v4), "imds");
    assert.equal(await network.requestFromPod(v6), "imds");
    assert.deepEqual(await removeRedirect(run, true), { removed: [], problems: [] });
  });
}

test("iptables-legacy: a lock that another program holds is waited for", options, async () => {
  await clean();
  const made = await on("iptables-legacy");
  await must("env XTABLES_LOCKFILE=/run/other.lock iptables-legacy -t nat -F");
  const holding = must("flock /run/xtables.lock sleep 2");
  await until("the lock to be held", async () => {
    return (await run("flock", ["-n", "/run/xtables.lock", "true"])).code !== 0;
  });
  assert.equal(await made.ensure(), true);
  await holding;
  assert.equal(await network.requestFromPod(v4), "agent");
});

test(
  "iptables-legacy: a lock that isn't given back is named, then waited for",
  options,
  async () => {
    await clean();
    const made = await on("iptables-legacy");
    const held = ["-c", "touch /run/held; while [ -e /run/held ]; do sleep 0.1; done"];
    const holding = run("flock", ["/run/xtables.lock", "sh", ...held], { timeoutMs: 60_000 });
    try {
      await until(
        "the lock to be held",
        async () => (await run("test", ["-e", "/run/held"])).code === 0,
      );
      await assert.rejects(made.ensure(), { code: "locked", message: /\/run\/xtables\.lock/ });
      assert.equal(await network.requestFromPod(v4), "agent");
    } finally {
      await run("rm", ["/run/held"]);
      await holding;
    }
    assert.equal(await made.ensure(), false);
  },
);

test("auto takes what the node uses", options, async () => {
  await clean();
  assert.equal((await chooseBackend(run, "auto")).kind, "iptables-nft");
  await must("iptables-legacy -A OUTPUT -j ACCEPT");
  assert.equal((await chooseBackend(run, "auto")).kind, "iptables-legacy");
  await must("iptables-nft -t mangle -N KUBE-KUBELET-CANARY");
  assert.equal((await chooseBackend(run, "auto")).kind, "iptables-nft");
  await must("nft add table ip kube-proxy");
  assert.equal((await chooseBackend(run, "auto")).kind, "nftables");
});

test("without the capability NET_ADMIN the fault names it", options, async () => {
  const powerless: typeof run = (command, args, more) =>
    run("setpriv", ["--bounding-set=-net_admin", "--inh-caps=-net_admin", command, ...args], more);
  await assert.rejects(chooseBackend(powerless, "auto"), { code: "no_permission" });
  for (const kind of kinds) {
    const parts = { run: powerless, hasIpv6: true, settings: redirectSettings };
    const made = kind === "nftables"
      ? nftablesBackend(parts)
      : iptablesBackend({ ...parts, variant: kind, program: kind });
    await assert.rejects(made.ensure(), { code: "no_permission", message: /NET_ADMIN/ });
  }
});

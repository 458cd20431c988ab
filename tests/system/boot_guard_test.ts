/**
 * The boot guard's files on a real kernel: the unit's commands, run by hand in a network namespace,
 * before any agent; beside a real systemd-networkd there; and the unit itself, checked by
 * systemd-analyze. Needs root on Linux: `deno test -A tests/system/boot_guard_test.ts`.
 */
import { after, before, test, type TestContext } from "node:test";
import assert from "node:assert/strict";
import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { unitFiles } from "../../src/agent/boot_guard/unit.ts";
import { removeRouteGuard, routeGuard } from "../../src/agent/redirect/route_guard.ts";
import { createRunProgram } from "../../src/runtime/program.ts";
import { cannotRun, FirewallNetwork } from "./firewall_network.ts";
import { until } from "./until.ts";

const why = await cannotRun();
if (why !== null) console.error(`boot_guard_test: nothing tested: ${why}`);
const options = why === null ? {} : { skip: why };
const network = new FirewallNetwork();
const run = network.onNode;
const onMachine = createRunProgram("/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
const [service] = unitFiles();
const commands = service!.text.split("\n").filter((line) => line.startsWith("ExecStart=-"))
  .map((line) => line.slice("ExecStart=-".length).split(" "));

before(async () => {
  if (why === null) await network.open();
});
after(async () => {
  if (why === null) await network.close();
});

/** What systemd does when the unit starts; a line that fails is ignored. */
async function startUnit(): Promise<void> {
  for (const [program = "", ...args] of commands) await run(program, args);
}

async function answers() {
  const hosts = ["169.254.169.254", "fd00:ec2::254"];
  const pods = await Promise.all(hosts.map((host) => network.requestFromPod(host)));
  const node = await Promise.all(hosts.map((host) => network.requestFromNode(host)));
  return { pods, node };
}

const closed = { pods: [null, null], node: ["imds", "imds"] };

test("the unit closes the node to pods, before any agent, and not to itself", options, async () => {
  assert.deepEqual((await answers()).pods, ["imds", "imds"]);
  await startUnit();
  assert.deepEqual(await answers(), closed);
});

test("started again, as with the network manager, it changes nothing", options, async () => {
  await startUnit();
  assert.deepEqual(await answers(), closed);
  assert.equal(await routeGuard(run, true).ensure(), false, "the agent finds its own rules");
});

test(
  "after somebody removed every rule of ours, the unit's next start closes it",
  options,
  async () => {
    await removeRouteGuard(run, true);
    assert.deepEqual((await answers()).pods, ["imds", "imds"]);
    await startUnit();
    assert.deepEqual(await answers(), closed);
  },
);

/**
 * systemd-networkd on the node, configuring interfaces named `managed…`, with its `/etc/systemd` in
 * `folder`. It takes interfaces once udev has seen them; the script notes that in udev's place.
 */
function networkd(t: TestContext, folder: string): void {
  const script = `mount -t sysfs sysfs /sys
mount -t tmpfs run /run
mkdir -p /run/systemd/network /run/systemd/netif/links /run/udev/data
chown -R systemd-network /run/systemd/netif
printf '[Match]\\nName=managed*\\n[Network]\\nConfigureWithoutCarrier=yes\\n[Address]\\nAddress=10.99.0.1/32\\n' > /run/systemd/network/10-managed.network
for index in 71 72; do printf 'I:1\\n' > /run/udev/data/n$index; done
mount --bind ${folder} /etc/systemd
exec /usr/lib/systemd/systemd-networkd`;
  const stop = new AbortController();
  const inside = ["--mount", "--propagation=private", "sh", "-ec", script];
  const ended = network.followOnNode("unshare", inside, { output: () => {}, signal: stop.signal });
  t.after(async () => {
    stop.abort();
    await ended;
  });
}

/** A new interface of the node; networkd has configured it once it has its address. */
async function managedInterface(t: TestContext, index: number): Promise<void> {
  const name = `managed${index}`;
  const words = ["link", "add", name, "index", `${index}`, "type", "veth", "peer", `peer${index}`];
  assert.equal((await run("ip", words)).code, 0);
  t.after(() => run("ip", ["link", "del", name]));
  await until(`networkd's configuration of ${name}`, async () => {
    return (await run("ip", ["addr", "show", name])).stdout.includes("10.99.0.1");
  });
}

async function etcSystemd(t: TestContext, files: readonly { path: string; text: string }[]) {
  const folder = await mkdtemp(join(tmpdir(), "rolecall-systemd-"));
  t.after(() => rm(folder, { recursive: true }));
  // networkd reads it as a user of its own.
  await chmod(folder, 0o755);
  for (const { path, text } of files) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }
  return folder;
}

test(
  "systemd-networkd removes the rules; the unit's next start restores them",
  options,
  async (t) => {
    await startUnit();
    networkd(t, await etcSystemd(t, []));
    await managedInterface(t, 71);
    assert.deepEqual((await answers()).pods, ["imds", "imds"]);
    await startUnit();
    assert.deepEqual(await answers(), closed);
  },
);

test("beside the boot guard's files systemd-networkd leaves the rules", options, async (t) => {
  await startUnit();
  networkd(t, await etcSystemd(t, unitFiles()));
  await managedInterface(t, 71);
  assert.deepEqual(await answers(), closed);
  await managedInterface(t, 72);
  assert.deepEqual(await answers(), closed);
});

test("systemd accepts the unit, and starts it before the kubelet", options, async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "rolecall-units-"));
  t.after(() => rm(folder, { recursive: true }));
  const unit = join(folder, "rolecall-boot-guard.service");
  await writeFile(unit, service!.text);
  const { code, stdout, stderr } = await onMachine("systemd-analyze", ["verify", unit]);
  assert.notEqual(code, 127, "systemd-analyze isn't installed");
  const ours = (stdout + stderr).split("\n").filter((line) => line.includes("rolecall"));
  assert.deepEqual(ours, []);
});

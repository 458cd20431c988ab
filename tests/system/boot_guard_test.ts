/**
 * The boot guard's unit on a real kernel: its commands, run by hand in a network namespace, before
 * any agent; and the unit itself, checked by systemd-analyze. Needs root on Linux:
 * `deno test -A tests/system/boot_guard_test.ts`.
 */
import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { unitFiles } from "../../src/agent/boot_guard/unit.ts";
import { removeRouteGuard, routeGuard } from "../../src/agent/redirect/route_guard.ts";
import { createRunProgram } from "../../src/runtime/program.ts";
import { cannotRun, FirewallNetwork } from "./firewall_network.ts";

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

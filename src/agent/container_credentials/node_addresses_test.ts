import { test } from "node:test";
import assert from "node:assert/strict";
import { AddressFault, placeAddress, removeAddresses } from "./node_addresses.ts";

interface FakeAddress {
  readonly local: string;
  readonly prefixlen: number;
  readonly label?: string;
}

/** iproute2 over a machine in memory; `fails` gives what a command says instead. */
function machine(fails: Readonly<Record<string, string>> = {}) {
  const links = new Map<string, { flags: string[]; addr_info: FakeAddress[] }>();
  const loopback = { local: "127.0.0.1", prefixlen: 8, label: "lo" };
  links.set("lo", { flags: ["UP"], addr_info: [loopback] });
  links.set("eth0", { flags: ["UP"], addr_info: [{ local: "10.0.0.5", prefixlen: 24 }] });
  const ran: string[] = [];
  const answer = (stdout = "") => ({ code: 0, stdout, stderr: "" });
  const act = (args: readonly string[]) => {
    const [object, action, ...rest] = args;
    const link = links.get(rest[rest.indexOf("dev") + 1] ?? "");
    const [local = "", bits] = rest[0]?.split("/") ?? [];
    if (object === "link" && action === "add") links.set(rest[0]!, { flags: [], addr_info: [] });
    if (object === "link" && action === "del") links.delete(rest[1]!);
    if (object === "link" && action === "set") link!.flags.push("UP");
    if (object !== "addr") return;
    if (action === "del") link!.addr_info = link!.addr_info.filter((one) => one.local !== local);
    const label = rest.includes("label") ? { label: rest.at(-1)! } : {};
    if (action === "add") link!.addr_info.push({ local, prefixlen: Number(bits), ...label });
  };
  const run = (command: string, args: readonly string[]) => {
    assert.equal(command, "ip");
    const line = args.join(" ");
    if (line === "-j addr show") {
      const said = fails[line];
      if (said !== undefined) return Promise.resolve({ code: 127, stdout: "", stderr: said });
      const all = [...links].map(([ifname, link]) => ({ ifname, mtu: 1500, ...link }));
      return Promise.resolve(answer(JSON.stringify(all)));
    }
    ran.push(line);
    const key = Object.keys(fails).find((start) => line.startsWith(start));
    if (key !== undefined) return Promise.resolve({ code: 2, stdout: "", stderr: fails[key]! });
    act(args);
    return Promise.resolve(answer());
  };
  return { run, ran, links };
}

test("placeAddress() creates a separate link and adds the address to it, once", async () => {
  const { run, ran } = machine();
  await placeAddress(run, "169.254.170.23");
  await placeAddress(run, "fd00:ec2::23");
  await placeAddress(run, "169.254.170.23");
  assert.deepEqual(ran, [
    "link add rolecall0 type dummy",
    "link set dev rolecall0 up",
    "addr add 169.254.170.23/32 dev rolecall0",
    "link set dev rolecall0 up",
    "addr add fd00:ec2::23/128 dev rolecall0 nodad",
  ]);
});

test("placeAddress() uses lo if the kernel has no dummy links", async () => {
  const { run, ran } = machine({ "link add": "Error: Unknown device type." });
  await placeAddress(run, "169.254.170.23");
  await placeAddress(run, "fd00:ec2::23");
  assert.deepEqual(ran.filter((line) => line.startsWith("addr")), [
    "addr add 169.254.170.23/32 dev lo label lo:rolecall",
    "addr add fd00:ec2::23/128 dev lo nodad",
  ]);
});

for (const ip of ["127.0.0.1", "127.0.0.9", "::1", "10.0.0.5"]) {
  test(`placeAddress() doesn't touch ${ip}, which the machine already has`, async () => {
    const { run, ran } = machine();
    await placeAddress(run, ip);
    assert.deepEqual(ran, []);
  });
}

test("placeAddress() brings a link up again that someone has taken down", async () => {
  const { run, ran, links } = machine();
  await placeAddress(run, "169.254.170.23");
  links.get("rolecall0")!.flags = [];
  await placeAddress(run, "169.254.170.23");
  assert.deepEqual(ran.slice(3, 4), ["link set dev rolecall0 up"]);
});

test("placeAddress() accepts that another agent was faster", async () => {
  const { run } = machine({ "addr add": "RTNETLINK answers: File exists" });
  await placeAddress(run, "169.254.170.23");
});

// which command says what, code, what the message names
const faults = [
  ["-j addr show", "", "no_program", /iproute2/],
  ["link add", "RTNETLINK answers: Operation not permitted", "no_permission", /NET_ADMIN/],
  ["link set", "RTNETLINK answers: Operation not permitted", "no_permission", /NET_ADMIN/],
  ["addr add", "RTNETLINK answers: Permission denied", "no_permission", /NET_ADMIN/],
  ["addr add", "RTNETLINK answers:\nNo buffer space", "failed", /ip addr add: .*No buffer space/],
] as const;

for (const [command, says, code, text] of faults) {
  test(`placeAddress() if ip ${command} says ${JSON.stringify(says)}: ${code}`, async () => {
    const { run } = machine({ [command]: says });
    await assert.rejects(placeAddress(run, "169.254.170.23"), (fault) => {
      assert.ok(fault instanceof AddressFault);
      assert.equal(fault.code, code);
      assert.match(fault.message, text);
      assert.ok(!fault.message.includes("\n"));
      return true;
    });
  });
}

test("placeAddress() needs iproute2's JSON", async () => {
  const busybox = () => Promise.resolve({ code: 0, stdout: "1: lo: <LOOPBACK>", stderr: "" });
  await assert.rejects(placeAddress(busybox, "169.254.170.23"), /JSON of iproute2/);
});

test("removeAddresses() removes the link, and a second run changes nothing", async () => {
  const { run, links } = machine();
  await placeAddress(run, "169.254.170.23");
  assert.deepEqual(await removeAddresses(run), ["link rolecall0"]);
  assert.deepEqual([...links.keys()], ["lo", "eth0"]);
  assert.deepEqual(await removeAddresses(run), []);
});

test("removeAddresses() removes our addresses from lo, and no others", async () => {
  const { run, links } = machine({ "link add": "Error: Unknown device type." });
  links.get("lo")!.addr_info.push({ local: "169.254.170.2", prefixlen: 32, label: "lo" });
  await placeAddress(run, "169.254.170.23");
  await placeAddress(run, "fd00:ec2::23");
  assert.deepEqual(await removeAddresses(run), ["address 169.254.170.23", "address fd00:ec2::23"]);
  assert.deepEqual(links.get("lo")!.addr_info.map(({ local }) => local), [
    "127.0.0.1",
    "169.254.170.2",
  ]);
});

test("removeAddresses() has nothing to remove without iproute2", async () => {
  assert.deepEqual(await removeAddresses(machine({ "-j addr show": "" }).run), []);
});

test("removeAddresses() reports what isn't permitted", async () => {
  const { run } = machine({ "link del": "RTNETLINK answers: Operation not permitted" });
  await placeAddress(run, "169.254.170.23");
  await assert.rejects(removeAddresses(run), /ip link del: not permitted; .*NET_ADMIN/);
});

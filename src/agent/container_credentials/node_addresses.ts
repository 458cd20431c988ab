/**
 * Addresses that the agent gives its node: put there where they are missing, and taken away again.
 * They lie on a link of their own, so that whose they are can be seen; on `lo` where the kernel
 * has no dummy links.
 */
import * as v from "valibot";
import { addressFault } from "./address_fault.ts";
import type { ProgramResult, RunProgram } from "../ports.ts";

/** The link that the agent makes. */
const linkName = "rolecall0";
/** Marks IPv4 addresses of ours on `lo`; IPv6 ones can carry no label. */
const loopbackLabel = "lo:rolecall";
const ownIpv6 = "fd00:ec2::23";
const limits = { timeoutMs: 10_000 };

const listing = v.array(v.object({
  ifname: v.string(),
  flags: v.array(v.string()),
  addr_info: v.array(v.object({
    local: v.optional(v.string()),
    prefixlen: v.optional(v.number()),
    label: v.optional(v.string()),
  })),
}));

type Link = v.InferOutput<typeof listing>[number];

/**
 * Sees to it that the machine has the address, wherever; loopback addresses it always has. A second
 * time there is nothing left to do.
 * @throws {AddressFault} naming the remedy.
 */
export async function placeAddress(run: RunProgram, ip: string): Promise<void> {
  if (ip.startsWith("127.") || ip === "::1") return;
  const links = await listLinks(run);
  const holder = links.find((link) => link.addr_info.some(({ local }) => local === ip));
  if (holder && (holder.ifname !== linkName || holder.flags.includes("UP"))) return;
  const link = await ownLink(run, links);
  await add(run, ip, link);
}

/** Takes away what `placeAddress` puts there; what it took, in words. @throws {AddressFault} */
export async function removeAddresses(run: RunProgram): Promise<readonly string[]> {
  const removed: string[] = [];
  const listed = await run("ip", ["-j", "addr", "show"], limits);
  // Without the program nothing can have been put there.
  if (listed.code === 127) return removed;
  const links = readLinks(listed);
  if (links.some(({ ifname }) => ifname === linkName)) {
    await ipOrFault(run, ["link", "del", "dev", linkName]);
    removed.push(`link ${linkName}`);
  }
  const loopback = links.find(({ ifname }) => ifname === "lo");
  for (const { local, prefixlen, label } of loopback?.addr_info ?? []) {
    if (local === undefined || (label !== loopbackLabel && local !== ownIpv6)) continue;
    await ipOrFault(run, ["addr", "del", `${local}/${prefixlen}`, "dev", "lo"]);
    removed.push(`address ${local}`);
  }
  return removed;
}

async function listLinks(run: RunProgram): Promise<readonly Link[]> {
  return readLinks(await run("ip", ["-j", "addr", "show"], limits));
}

function readLinks(listed: ProgramResult): readonly Link[] {
  if (listed.code !== 0) throw addressFault("ip", listed);
  try {
    return v.parse(listing, JSON.parse(listed.stdout));
  } catch {
    const stderr = "its output is not the JSON of iproute2";
    throw addressFault("ip -j addr show", { code: 0, stdout: "", stderr });
  }
}

/** The name of the link that is to hold our addresses, up. */
async function ownLink(run: RunProgram, links: readonly Link[]): Promise<string> {
  if (!links.some(({ ifname }) => ifname === linkName)) {
    const args = ["link", "add", linkName, "type", "dummy"];
    const made = await run("ip", args, limits);
    if (/unknown device type|not supported/i.test(made.stderr)) return "lo";
    if (made.code !== 0 && !isThere(made)) throw addressFault("ip link add", made);
  }
  await ipOrFault(run, ["link", "set", "dev", linkName, "up"]);
  return linkName;
}

/** Without looking for others that hold an IPv6 address: nobody else is on such a link. */
async function add(run: RunProgram, ip: string, link: string): Promise<void> {
  const label = link === "lo" ? ["label", loopbackLabel] : [];
  const [bits, more] = ip.includes(":") ? ["128", ["nodad"]] : ["32", label];
  const args = ["addr", "add", `${ip}/${bits}`, "dev", link, ...more];
  const added = await run("ip", args, limits);
  if (added.code !== 0 && !isThere(added)) throw addressFault("ip addr add", added);
}

/** Another agent, which this one replaces or is replaced by, was quicker. */
function isThere({ stderr }: ProgramResult): boolean {
  return /file exists|already assigned/i.test(stderr);
}

async function ipOrFault(run: RunProgram, args: readonly string[]): Promise<void> {
  const result = await run("ip", args, limits);
  if (result.code !== 0) throw addressFault(`ip ${args.slice(0, 2).join(" ")}`, result);
}

/**
 * Adds the agent's addresses to its node, and removes them again. They are on a link of their own,
 * so that it is clear where they come from; on `lo` if the kernel has no dummy links.
 */
import * as v from "valibot";
import { parsedJson } from "../../net/json.ts";
import { oneLine } from "../../telemetry/fault.ts";
import type { ProgramResult, RunProgram } from "../ports.ts";

/** The link that the agent makes. */
const linkName = "rolecall0";
/** Marks our IPv4 addresses on `lo`; IPv6 addresses have no labels. */
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
 * Makes sure that the node has the address, on any link. Idempotent; does nothing for loopback.
 * @throws {AddressFault} naming the remedy; retrying can help.
 */
export async function placeAddress(run: RunProgram, ip: string): Promise<void> {
  if (ip.startsWith("127.") || ip === "::1") return;
  const links = await listLinks(run);
  const holder = links.find((link) => link.addr_info.some(({ local }) => local === ip));
  if (holder && (holder.ifname !== linkName || holder.flags.includes("UP"))) return;
  const link = await ownLink(run, links);
  await add(run, ip, link);
}

/** Removes what `placeAddress` adds, and describes each. @throws {AddressFault} */
export async function removeAddresses(run: RunProgram): Promise<readonly string[]> {
  const removed: string[] = [];
  const listed = await run("ip", ["-j", "addr", "show"], limits);
  // Without the program nothing can have been added.
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
  const read = v.safeParse(listing, parsedJson(listed.stdout));
  if (read.success) return read.output;
  const stderr = "its output is not the JSON of iproute2";
  throw addressFault("ip -j addr show", { code: 0, stdout: "", stderr });
}

/** Brings up the link for our addresses, and returns its name. */
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

/** Without IPv6 duplicate address detection: nobody else is on such a link. */
async function add(run: RunProgram, ip: string, link: string): Promise<void> {
  const label = link === "lo" ? ["label", loopbackLabel] : [];
  const [bits, more] = ip.includes(":") ? ["128", ["nodad"]] : ["32", label];
  const args = ["addr", "add", `${ip}/${bits}`, "dev", link, ...more];
  const added = await run("ip", args, limits);
  if (added.code !== 0 && !isThere(added)) throw addressFault("ip addr add", added);
}

/** Another agent, during a handover, was faster. */
function isThere({ stderr }: ProgramResult): boolean {
  return /file exists|already assigned/i.test(stderr);
}

async function ipOrFault(run: RunProgram, args: readonly string[]): Promise<void> {
  const result = await run("ip", args, limits);
  if (result.code !== 0) throw addressFault(`ip ${args.slice(0, 2).join(" ")}`, result);
}

/** The address can't be added or removed; the message names the remedy. */
export class AddressFault extends Error {
  override readonly name = "AddressFault";
  readonly code: "no_program" | "no_permission" | "failed";

  constructor(code: "no_program" | "no_permission" | "failed", message: string) {
    super(message);
    this.code = code;
  }
}

const permission = /permission denied|operation not permitted/i;

/** The fault behind a failure of iproute2's `ip`. */
function addressFault(action: string, { code, stderr }: ProgramResult): AddressFault {
  const output = oneLine(stderr, 200);
  if (code === 127) {
    return new AddressFault(
      "no_program",
      `${action}: no such program; install iproute2 beside the agent, or add the address yourself`,
    );
  }
  if (permission.test(output)) {
    return new AddressFault(
      "no_permission",
      `${action}: not permitted; the agent needs the capability NET_ADMIN (${output})`,
    );
  }
  return new AddressFault("failed", `${action}: exit ${code}: ${output}`);
}

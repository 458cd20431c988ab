/** Opens a procfs for identity if it is the host's and this agent's pod is in it. */
import { KernelIdentity, type KernelIdentityOptions } from "./kernel_identity.ts";
import type { SavedSockets } from "./used_sockets.ts";
import { PodCgroups } from "./pod_cgroup.ts";
import type { ProcFiles } from "../runtime/runtime.ts";
import { isForbidden, isGone, lineOf } from "./proc_fault.ts";

type OpenedKernel =
  | { readonly kind: "opened"; readonly kernel: KernelIdentity }
  /** One line. */
  | { readonly kind: "problem"; readonly problem: string };

interface OpenKernelOptions extends Omit<KernelIdentityOptions, "own"> {
  /** What `save` returned before, in this agent or in another one on the node. */
  readonly saved: SavedSockets;
}

/** Call it before listening: it uses up the sockets that are open. Never rejects. */
export async function openKernel(options: OpenKernelOptions): Promise<OpenedKernel> {
  const check = await checkProcfs(options.files);
  if (check.kind === "problem") return check;
  const kernel = new KernelIdentity({ ...options, own: check.own });
  kernel.load(options.saved);
  await kernel.prepare();
  const { problem } = kernel.status();
  return problem === null ? { kind: "opened", kernel } : { kind: "problem", problem };
}

type ProcfsCheck =
  | { readonly kind: "usable"; readonly own: { readonly cgroup: string; readonly stat: string } }
  /** One line, without the path. */
  | { readonly kind: "problem"; readonly problem: string };

async function checkProcfs(files: ProcFiles): Promise<ProcfsCheck> {
  try {
    const problem = await rootProblem(files);
    if (problem !== undefined) return { kind: "problem", problem };
    const self = await files.link("self");
    const cgroup = await files.text(`${self}/cgroup`);
    const stat = await files.text(`${self}/stat`);
    const first = await firstProcess(files);
    if ("problem" in first) return { kind: "problem", problem: first.problem };
    const found = containerProblem(cgroup, first.cgroup);
    return found === undefined
      ? { kind: "usable", own: { cgroup, stat } }
      : { kind: "problem", problem: found };
  } catch (fault) {
    return { kind: "problem", problem: lineOf(fault) };
  }
}

async function rootProblem(files: ProcFiles): Promise<string | undefined> {
  let names: readonly string[];
  try {
    names = await files.list("");
  } catch (fault) {
    if (isGone(fault)) return "there is no such directory; mount the host's /proc there, read-only";
    throw fault;
  }
  if (!names.includes("self") || !names.includes("cmdline")) {
    return "this is not a procfs; mount the host's /proc there, read-only";
  }
  const self = await files.link("self").catch((fault) => {
    if (isGone(fault)) return undefined;
    throw fault;
  });
  if (self !== undefined) return undefined;
  return "this agent isn't in it: it is the procfs of another PID namespace, not the host's";
}

/** Without the right to see PID 1, other processes can't be seen either. */
async function firstProcess(files: ProcFiles): Promise<{ cgroup: string } | { problem: string }> {
  try {
    await files.inode("1/net/tcp");
    return { cgroup: await files.text("1/cgroup") };
  } catch (fault) {
    if (!isGone(fault) && !isForbidden(fault)) throw fault;
    return { problem: "PID 1 can't be read: mounted with hidepid; remount it with hidepid=0" };
  }
}

function containerProblem(own: string, first: string): string | undefined {
  const cgroups = new PodCgroups(own);
  if (own === first || cgroups.podOf(first) !== undefined) {
    return "this is the container's own /proc, not the host's; use a hostPath volume";
  }
  // In a cgroup namespace of its own, the agent sees its pod as the root, and PID 1 above it.
  const isBelow = cgroups.podOf(own) !== undefined || /:\/\.\.\//.test(first);
  return isBelow
    ? undefined
    : "this agent's own pod isn't in it: its processes are in no pod's cgroup";
}

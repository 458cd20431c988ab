/** Opens a procfs for identity, if it is the host's and this agent's pod is in it. */
import { checkProcfs } from "./check_procfs.ts";
import { KernelIdentity, type KernelIdentityOptions } from "./kernel_identity.ts";
import type { SavedSockets } from "./used_sockets.ts";

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

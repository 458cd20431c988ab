/** Chooses how callers are identified, and reports it. */
import type { Assignments } from "../assignments/assignments.ts";
import type { Clock, ContainerRuntime, Log } from "../ports.ts";
import { AddressSource } from "./address_source.ts";
import type { IdentitySource } from "./callers.ts";
import { ConnectionProofs, type ProofOutcome } from "./connection_proofs.ts";
import { DirectReads, type DirectReadsOptions } from "./direct_reads.ts";
import type { KernelAccess } from "./kernel_access.ts";
import { KernelSource } from "./kernel_source.ts";
import { type RuntimeStatus, SandboxOwners } from "./sandbox_owners.ts";
import { SandboxSource } from "./sandbox_source.ts";

type IdentityKind = "kernel" | "runtime" | "address";

interface IdentityOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** `--identity` */
  readonly identity: IdentityKind | "auto";
  /** Opened once already; null if the kernel isn't used. */
  readonly kernel: KernelAccess | null;
  /** null without `--cri-socket`. */
  readonly runtime: ContainerRuntime | null;
  /** `--runtime-handlers` */
  readonly runtimeHandlers: readonly string[];
  readonly assignments: Assignments;
  readonly readPod: DirectReadsOptions["readPod"];
  /** The node's own addresses, which identify no pod. */
  readonly ownAddresses: ReadonlySet<string>;
  /** Called with the outcome of each proof. */
  readonly proved: (outcome: ProofOutcome) => void;
  /** Called when the kernel would have named another pod than the address does. */
  readonly disagreed: () => void;
}

export interface Identity {
  readonly kind: IdentityKind;
  readonly source: IdentitySource;
  /** Why `auto` doesn't use the kernel; null if it does. */
  readonly fallback: string | null;
  /** One line for each reason why callers can't be identified. */
  missing(): readonly string[];
  /** null unless the container runtime is used. */
  runtime(): RuntimeStatus | null;
  run(signal: AbortSignal): Promise<void>;
}

export function createIdentity(options: IdentityOptions): Identity {
  const { identity, clock, log, kernel, runtime, assignments, readPod, ownAddresses } = options;
  const kind = chooseKind(options);
  const reads = new DirectReads({
    clock,
    readPod,
    found: (ip, frame) => assignments.adopt(ip, frame),
  });
  const usedRuntime = runtime && runtimeFor(kind, runtime, options.runtimeHandlers);
  const owners = usedRuntime && new SandboxOwners({ runtime: usedRuntime, clock, log });
  const sandboxes = owners && new SandboxSource({ owners, assignments, reads, ownAddresses });
  const proofs = kernel && new ConnectionProofs({
    kernel: () => kernel.kernel,
    expectedAt: (ip) => assignments.expectedAt(ip),
    proved: options.proved,
  });
  const fallback = identity === "auto" && kind !== "kernel" ? kernel?.problem ?? null : null;
  return {
    kind,
    source: sourceOf(kind),
    fallback,
    missing() {
      const problem = owners?.status().problem;
      return [
        ...kind === "kernel" && kernel?.problem ? [`identity: ${kernel.problem}`] : [],
        ...problem ? [`container runtime: ${problem}`] : [],
      ];
    },
    runtime: () => owners?.status() ?? null,
    async run(signal) {
      if (fallback === null) log.info({ identity: kind }, "identity source");
      else log.warn({ identity: kind, problem: fallback }, "identity falls back from the kernel");
      await Promise.all([owners?.run(signal), kind === "kernel" && kernel?.run(signal)]);
    },
  };

  function sourceOf(kind: IdentityKind): IdentitySource {
    if (kind === "kernel") {
      const sandboxed = options.runtimeHandlers.length > 0 ? sandboxes : null;
      const access = { kernel: () => kernel!.kernel, proofs: proofs! };
      return new KernelSource({ ...access, clock, assignments, reads, sandboxed });
    }
    if (kind === "runtime") return sandboxes!;
    const { disagreed } = options;
    const compared = kernel?.kernel ? { proofs: proofs!, disagreed } : {};
    return new AddressSource({ assignments, reads, ...compared });
  }
}

function chooseKind({ identity, kernel, runtime }: IdentityOptions): IdentityKind {
  if (identity !== "auto") return identity;
  if (kernel?.kernel) return "kernel";
  return runtime ? "runtime" : "address";
}

/** With the kernel, the runtime is only used for the sandboxes of some handlers. */
function runtimeFor(
  kind: IdentityKind,
  runtime: ContainerRuntime,
  handlers: readonly string[],
): ContainerRuntime | null {
  if (kind === "runtime") return runtime;
  if (kind === "address" || handlers.length === 0) return null;
  return {
    addresses: (id) => runtime.addresses(id),
    close: () => runtime.close(),
    async readySandboxes() {
      const all = await runtime.readySandboxes();
      return all.filter(({ runtimeHandler }) => handlers.includes(runtimeHandler));
    },
  };
}

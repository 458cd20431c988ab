/**
 * One node in memory, for scenarios and the model: an agent with its real identity modules, and fakes
 * of the host's `/proc`, the container runtime and the server's frames.
 */
import { Assignments, type AssignmentStream } from "../../../src/agent/assignments/assignments.ts";
import type { ConnectionEnds } from "../../../src/net/http_messages.ts";
import { Callers } from "../../../src/agent/identity/callers.ts";
import { unidentified } from "../../../src/agent/imds/caller.ts";
import { type Refusal, refuse } from "../../../src/agent/imds/refusals.ts";
import { createIdentity, type Identity } from "../../../src/agent/identity/identity.ts";
import { KernelAccess } from "../../../src/agent/identity/kernel_access.ts";
import type { CallerLookup, PodLookup } from "../../../src/agent/ports.ts";
import type { KernelIdentity } from "../../../src/kernel/kernel_identity.ts";
import { openKernel } from "../../../src/kernel/open_kernel.ts";
import type { AssignFrame } from "../../../src/protocol/frames.ts";
import { FakeProc, metadataEnd } from "../../fakes/fake_proc.ts";
import type { ManualClock } from "../../fakes/manual_clock.ts";
import { RecordedLog } from "../../fakes/recorded_log.ts";
import type { FakeSandboxes } from "../../fakes/sandboxes.ts";

const never = new AbortController().signal;

export const nodeAddress = "10.0.0.100";
const listenPort = 8181;
/** `10.0.0.7:40000` or `[fd00::7]:40000`. */
type EndText = string;

export interface AgentOptions {
  readonly identity: "auto" | "kernel" | "runtime" | "address";
  readonly handlers?: readonly string[];
  readonly withRuntime?: boolean;
  /** The used sockets of the agent that this one replaces. */
  readonly predecessor?: AgentOnNode | null;
}

export interface NodeFakes {
  readonly clock: ManualClock;
  readonly proc: FakeProc;
  readonly sandboxes: FakeSandboxes;
  /** Frames of direct reads, by address. */
  readonly reads: Map<string, AssignFrame>;
}

export class AgentOnNode {
  readonly assignments: Assignments;
  readonly callers: Callers;
  readonly identity: Identity;
  readonly log = new RecordedLog();
  /** Connections for which the kernel would have named another pod. */
  disagreements = 0;
  readonly #kernel: { current: KernelIdentity | null };

  private constructor(
    around: NodeFakes,
    options: AgentOptions,
    access: KernelAccess,
    kernel: { current: KernelIdentity | null },
  ) {
    const { clock, sandboxes, reads } = around;
    const { log } = this;
    const ownAddresses = new Set([nodeAddress]);
    this.#kernel = kernel;
    this.assignments = new Assignments({ clock, graceMs: 25_000, ownAddresses });
    this.identity = createIdentity({
      clock,
      log,
      identity: options.identity,
      kernel: options.identity === "runtime" ? null : access,
      runtime: options.withRuntime ? sandboxes : null,
      runtimeHandlers: options.handlers ?? [],
      assignments: this.assignments,
      readPod: (ip) => Promise.resolve(reads.get(ip) ?? null),
      ownAddresses,
      proved: () => {},
      disagreed: () => void this.disagreements++,
    });
    // As in the agent, it runs until the end.
    void this.identity.run(never);
    const { source } = this.identity;
    this.callers = new Callers({ clock, assignments: this.assignments, source });
  }

  static async start(around: NodeFakes, options: AgentOptions): Promise<AgentOnNode> {
    const { clock, proc } = around;
    const kernel: { current: KernelIdentity | null } = { current: null };
    const open = async () => {
      const opened = await openKernel({
        files: proc,
        clock,
        cpuMs: () => clock.monotonic(),
        metadata: [{ address: "169.254.169.254", port: 80 }, {
          address: "fd00:ec2::254",
          port: 80,
        }],
        listening: [{ address: nodeAddress, port: listenPort }],
        redirectedTo: new Set([nodeAddress, "fd00::100"]),
        usedChanged: () => {},
        saved: options.predecessor?.usedSockets() ?? {},
      });
      if (opened.kind === "opened") kernel.current = opened.kernel;
      return opened;
    };
    const access = new KernelAccess({ path: "/host/proc", open, clock, log: new RecordedLog() });
    if (options.identity !== "runtime") await access.open();
    return new AgentOnNode(around, options, access, kernel);
  }

  usedSockets() {
    return this.#kernel.current?.save() ?? {};
  }

  /** As the file in the state directory does. */
  exchange(other: AgentOnNode): void {
    this.#kernel.current?.load(other.usedSockets());
    other.#kernel.current?.load(this.usedSockets());
  }

  /** `local` is `reset` if the client has reset the connection already. */
  accept(peer: EndText, local: EndText = `${nodeAddress}:${listenPort}`): ConnectionEnds {
    const [address, port] = splitEnd(peer);
    const [localAddress, localPort] = local === "reset" ? ["", 0] : splitEnd(local);
    const connection = { peer: address, peerPort: port, local: localAddress, localPort };
    this.identity.source.accepted(connection);
    return connection;
  }
}

function splitEnd(end: EndText): readonly [address: string, port: number] {
  const at = end.lastIndexOf(":");
  return [end.slice(0, at).replace(/^\[|\]$/g, ""), Number(end.slice(at + 1))];
}

/** The answer to a request, in one line. Credentials have the name of their pod. */
export function answerOf(found: CallerLookup | PodLookup): string {
  if (found.kind !== "pod") return refusalText(unidentified[found.kind]);
  const { uid, outcome } = found.pod;
  if (outcome.kind === "none") return `404 ${uid} has no role`;
  if (outcome.kind === "denied") return `403 ${uid} is denied`;
  if (outcome.kind === "pending") return `503 credentials of ${uid} are not available yet`;
  const { AccessKeyId } = JSON.parse(new TextDecoder().decode(outcome.role.document));
  return `200 credentials: ${AccessKeyId}`;
}

/** The status and the message before its remedy, such as `503 two pods claim this address`. */
function refusalText(refusal: Refusal): string {
  const { status, body } = refuse(refusal);
  return `${status} ${String(body).trimEnd().split(";")[0]}`;
}

export { metadataEnd };
export type { AssignmentStream };

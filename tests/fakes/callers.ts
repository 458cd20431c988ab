/** Callers as tests use them: found at an address rather than behind a connection. */
import { Assignments } from "../../src/agent/assignments/assignments.ts";
import { AddressSource } from "../../src/agent/identity/address_source.ts";
import { Callers, type IdentitySource } from "../../src/agent/identity/callers.ts";
import { DirectReads, type DirectReadsOptions } from "../../src/agent/identity/direct_reads.ts";
import { SandboxOwners } from "../../src/agent/identity/sandbox_owners.ts";
import { SandboxSource } from "../../src/agent/identity/sandbox_source.ts";
import type { ConnectionEnds } from "../../src/net/http_messages.ts";
import type { Clock, ContainerRuntime, Log } from "../../src/agent/ports.ts";
import { quietLog } from "./quiet_log.ts";

interface CallersOfTest {
  readonly clock: Clock;
  readonly log?: Log;
  readonly readPod?: DirectReadsOptions["readPod"];
  readonly ownAddresses?: readonly string[];
  /** If set, its sandboxes identify callers; the API's addresses do otherwise. */
  readonly runtime?: ContainerRuntime | null;
  readonly wanted?: () => void;
}

export function connectionFrom(peer: string): ConnectionEnds {
  return { peer, peerPort: 40000, local: "192.168.1.10", localPort: 8181 };
}

/** An agent's assignments and callers, with the grace of 25 s. */
export function callersOfTest(options: CallersOfTest) {
  const { clock, log = quietLog, runtime, readPod = () => Promise.resolve(null) } = options;
  const ownAddresses = new Set(options.ownAddresses ?? []);
  const assignments = new Assignments({ clock, graceMs: 25_000, ownAddresses });
  const reads = new DirectReads({
    clock,
    readPod,
    found: (ip, frame) => assignments.adopt(ip, frame),
  });
  const owners = runtime ? new SandboxOwners({ runtime, clock, log }) : null;
  const source: IdentitySource = owners
    ? new SandboxSource({ owners, assignments, reads, ownAddresses })
    : new AddressSource({ assignments, reads });
  const wanted = options.wanted ?? (() => {});
  const callers = new Callers({ clock, assignments, source, wanted });
  return { assignments, owners, callers };
}

/**
 * The handover from the old agent: for a moment both share the node's ports, and the kernel gives each
 * connection to either, so the new agent starts listening only once it can answer.
 */
import { codeOf } from "../../telemetry/fault.ts";
import { type HostPort, hostPortText } from "../../net/host_port.ts";
import { withDeadline } from "../../time/deadline.ts";
import { pause } from "../../time/pause.ts";
import type { Clock } from "../ports.ts";

/** The part of an HTTP client that a probe needs. */
export interface ProbeClient {
  fetch(url: string, init: { readonly signal: AbortSignal }): Promise<Response>;
  close(): void;
}

const patienceMs = 500;
const checkEveryMs = 300;

/**
 * Whether anything listens at an address this process is about to listen on. Only a refused
 * connection says no: on a busy node the old agent may well answer too late.
 */
export async function isTaken(
  at: HostPort,
  client: ProbeClient,
  clock: Pick<Clock, "after">,
): Promise<boolean> {
  if (at.port === 0) return false;
  try {
    const url = `http://${hostPortText(reachable(at))}/livez`;
    const response = await withDeadline(
      { clock, ms: patienceMs },
      (signal) => client.fetch(url, { signal }),
    );
    await response.body?.cancel();
    return true;
  } catch (fault) {
    return codeOf(fault) !== "ECONNREFUSED";
  } finally {
    client.close();
  }
}

interface TakeOverOptions {
  readonly clock: Clock;
  /** This agent can answer pods. */
  readonly able: () => boolean;
  /** The old one still listens. */
  readonly taken: () => Promise<boolean>;
}

/** Waits until this agent is able, the old one is gone, or the signal aborts. */
export async function waitToTakeOver(options: TakeOverOptions, signal: AbortSignal): Promise<void> {
  while (!options.able() && !signal.aborted && await options.taken()) {
    await pause(options.clock, checkEveryMs, signal);
  }
}

function reachable({ host, port }: HostPort): HostPort {
  return { host: host === "::" || host === "0.0.0.0" ? "127.0.0.1" : host, port };
}

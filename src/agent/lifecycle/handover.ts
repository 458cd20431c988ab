/**
 * The agent that this one replaces: both share the node's ports for a moment, and the kernel hands
 * each connection to either, so the new one joins only when it can answer as well as the old.
 */
import { codeOf } from "../../telemetry/fault.ts";
import { type HostPort, hostPortText } from "../../net/host_port.ts";
import { withDeadline } from "../../time/deadline.ts";
import { pause } from "../../time/pause.ts";
import type { Clock } from "../ports.ts";

/** As much of an HTTP client as asking takes. */
export interface ProbeClient {
  fetch(url: string, init: { readonly signal: AbortSignal }): Promise<Response>;
  close(): void;
}

const patienceMs = 500;
const askEveryMs = 300;

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

interface Overtaking {
  readonly clock: Clock;
  /** This agent can answer pods. */
  readonly able: () => boolean;
  /** The old one still listens. */
  readonly taken: () => Promise<boolean>;
}

/** Waits until this agent is able, the old one is gone, or the signal aborts. */
export async function overtake(parts: Overtaking, signal: AbortSignal): Promise<void> {
  while (!parts.able() && !signal.aborted && await parts.taken()) {
    await pause(parts.clock, askEveryMs, signal);
  }
}

function reachable({ host, port }: HostPort): HostPort {
  return { host: host === "::" || host === "0.0.0.0" ? "127.0.0.1" : host, port };
}

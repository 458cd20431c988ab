/** Listens on the ports given by flags; if that fails, the message names the flag and the remedy. */
import { codeOf, messageOf } from "../telemetry/fault.ts";
import { type HostPort, hostPortText } from "../net/host_port.ts";
import type { Listener, ListenOptions } from "../runtime/http/types.ts";
import type { Runtime } from "../runtime/runtime.ts";

/** The port is taken or not permitted, or the address isn't one of this machine. */
class ListenFault extends Error {
  readonly code = "listen_failed";
  override readonly name = "ListenFault";
}

interface Wanted extends Omit<ListenOptions, keyof HostPort> {
  /** Without dashes. */
  readonly flag: string;
  readonly at: HostPort;
}

/** `[::]` and `:8181` mean every address, of the families that the machine has. */
export function anyAddress({ host, port }: HostPort, hasIpv6: boolean): HostPort {
  if (host !== "" && host !== "::") return { host, port };
  return { host: hasIpv6 ? "::" : "0.0.0.0", port };
}

/** @throws {ListenFault} */
export async function listenAt(
  runtime: Pick<Runtime, "listen">,
  wanted: Wanted,
): Promise<Listener> {
  const { flag, at, ...options } = wanted;
  try {
    return await runtime.listen({ ...at, ...options });
  } catch (fault) {
    const code = codeOf(fault);
    const reason = reasonOf(code, fault, flag);
    throw new ListenFault(`--${flag} ${hostPortText(at)}: ${reason}`, { cause: fault });
  }
}

function reasonOf(code: unknown, cause: unknown, flag: string): string {
  if (code === "EADDRINUSE") {
    return `the port is taken; end the program that has it, or give --${flag} another port`;
  }
  if (code === "EACCES") return `not permitted; give --${flag} a port from 1024 on`;
  // Deno reports EINVAL for the first; the last is an unknown name.
  if (["EADDRNOTAVAIL", "EINVAL", "ENOTFOUND"].includes(String(code))) {
    return "not an address of this machine; expected one of its own, such as 127.0.0.1";
  }
  return messageOf(cause);
}

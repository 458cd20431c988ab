/** Listening on the ports that flags name; where that fails, the message names flag and remedy. */
import type { Handler, Host, Listener, ListenLimits } from "../runtime/contract.ts";

/** A port that can't be had: taken, not permitted, or of an address that isn't this machine's. */
export class ListenFault extends Error {
  readonly code = "listen_failed";
  override readonly name = "ListenFault";
}

export interface Wanted {
  /** Without dashes. */
  readonly flag: string;
  readonly at: { readonly host: string; readonly port: number };
  readonly handler: Handler;
  readonly limits: ListenLimits;
}

/** @throws {ListenFault} */
export async function listenAt(host: Pick<Host, "listen">, wanted: Wanted): Promise<Listener> {
  const { flag, at, handler, limits } = wanted;
  try {
    return await host.listen({ ...at, handler, limits });
  } catch (cause) {
    const code = (cause as { code?: unknown } | null)?.code;
    const address = hostPort(at);
    const other = `--${flag} ${hostPort({ ...at, port: 0 })}`;
    throw new ListenFault(`--${flag} ${address}: ${reasonOf(code, cause, other)}`, { cause });
  }
}

/** `127.0.0.1:8181`, `[::1]:8181`. */
export function hostPort({ host, port }: { readonly host: string; readonly port: number }): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}

function reasonOf(code: unknown, cause: unknown, other: string): string {
  if (code === "EADDRINUSE") {
    return `the port is taken; end the program that has it, or take a free one: ${other}`;
  }
  if (code === "EACCES") {
    return `not permitted; choose a port from 1024 on, or a free one: ${other}`;
  }
  // Deno's word for it is the second.
  if (code === "EADDRNOTAVAIL" || code === "EINVAL") {
    return "not an address of this machine; expected 127.0.0.1";
  }
  return cause instanceof Error ? cause.message : String(cause);
}

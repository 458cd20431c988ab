/** Why an address can't be put on this node, in one line with its remedy. Each is tried again. */
import type { ProgramResult } from "../ports.ts";

export type AddressFaultCode = "no_program" | "no_permission" | "failed";

export class AddressFault extends Error {
  override readonly name = "AddressFault";
  readonly code: AddressFaultCode;

  constructor(code: AddressFaultCode, message: string) {
    super(message);
    this.code = code;
  }
}

const permission = /permission denied|operation not permitted/i;

/** The fault behind a failure of iproute2's `ip`. */
export function addressFault(action: string, { code, stderr }: ProgramResult): AddressFault {
  const said = stderr.replace(/\s+/g, " ").trim().slice(0, 200);
  if (code === 127) {
    return new AddressFault(
      "no_program",
      `${action}: no such program; install iproute2 beside the agent, or add the address yourself`,
    );
  }
  if (permission.test(said)) {
    return new AddressFault(
      "no_permission",
      `${action}: not permitted; the agent needs the capability NET_ADMIN (${said})`,
    );
  }
  return new AddressFault("failed", `${action}: exit ${code}: ${said}`);
}

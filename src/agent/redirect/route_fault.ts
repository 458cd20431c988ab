/** Why routing can't keep pods off the metadata service, in one line with its remedy. */
import { oneLine } from "../../telemetry/fault.ts";
import { RedirectFault } from "./redirect_fault.ts";
import type { ProgramResult } from "../ports.ts";

const permission = /permission denied|operation not permitted/i;
const unsupported = /not supported/i;

/** The fault behind a failure of iproute2's `ip`. */
export function routeFault(action: string, { code, stderr }: ProgramResult): RedirectFault {
  const output = oneLine(stderr, 200);
  if (code === 127) {
    return new RedirectFault(
      "no_program",
      `${action}: no such program; install iproute2 beside the agent`,
    );
  }
  if (permission.test(output)) {
    return new RedirectFault(
      "no_permission",
      `${action}: not permitted; the agent needs the capability NET_ADMIN (${output})`,
    );
  }
  if (unsupported.test(output)) {
    return new RedirectFault(
      "no_module",
      `${action}: the kernel has no routing rules (CONFIG_IP_MULTIPLE_TABLES, ` +
        `CONFIG_IPV6_MULTIPLE_TABLES); only the packet filter keeps pods off (${output})`,
    );
  }
  return new RedirectFault("failed", `${action}: exit ${code}: ${output}`);
}

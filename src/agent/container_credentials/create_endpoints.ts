/** The doors of the container credentials front, from the settings to listeners on the node. */
import { frontLimits } from "../lifecycle/listen_limits.ts";
import type { AgentSettings } from "../config.ts";
import type { Clock, Log, RunProgram } from "../ports.ts";
import { CredentialsEndpoints, type DoorListener } from "./endpoints.ts";
import { placeAddress } from "./node_addresses.ts";

export interface DoorNode<Handler> {
  readonly run: RunProgram;
  readonly listen: (options: {
    readonly host: string;
    readonly port: number;
    readonly handler: Handler;
    readonly limits: ReturnType<typeof frontLimits>;
    readonly reusePort: boolean;
  }) => Promise<DoorListener>;
}

/** Has no doors where `--container-credentials` names no address. */
export function createEndpoints<Handler>(
  node: DoorNode<Handler>,
  settings: AgentSettings,
  handler: Handler,
  watch: { readonly clock: Clock; readonly log: Log },
): CredentialsEndpoints {
  const limits = frontLimits(settings);
  return new CredentialsEndpoints({
    ...watch,
    addresses: settings.containerCredentials,
    place: (ip) => placeAddress(node.run, ip),
    listen: (at) => node.listen({ ...at, handler, limits, reusePort: true }),
  });
}

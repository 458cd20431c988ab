/** The metadata front, put together: its routes, its Host names and what answers. */
import { createFront, type Front, type FrontReports } from "../http/front.ts";
import { createHostCheck } from "../http/host_check.ts";
import type { Clock, FindCaller, Upstream } from "../ports.ts";
import { checkToken } from "./caller.ts";
import { createHandlers } from "./handlers.ts";
import { SessionTokens } from "./imdsv2_token.ts";
import type { PassthroughRule } from "./passthrough_rule.ts";
import { refuse } from "./refusals.ts";
import { beforeRole, type ImdsRoute, imdsRoutes } from "./routes.ts";
import type { TokenKeys } from "./token_keys.ts";

/** EC2's addresses, and the names that its resolver and old AMIs have for them. */
const metadataHosts = [
  "169.254.169.254",
  "fd00:ec2::254",
  "instance-data",
  "instance-data.ec2.internal",
];

export interface ImdsFrontOptions extends FrontReports<ImdsRoute> {
  readonly pods: FindCaller;
  readonly upstream: Upstream;
  readonly clock: Clock;
  readonly tokenKeys: TokenKeys;
  /** `--allowed-hosts`, `--host-ip` and `--host-ipv6`: names and addresses. */
  readonly allowedHosts: readonly string[];
  readonly passthrough: PassthroughRule;
  /** `--imdsv2=required`. */
  readonly tokenRequired: boolean;
  /** `--pod-rate`: requests a second, 0 without limit. */
  readonly podRate: number;
  /** Called with how long a request waited for its pod or its credentials, in milliseconds. */
  readonly waited?: (ms: number) => void;
  /** Called for each request of a pod without a session token, by UID. */
  readonly withoutToken?: (uid: string) => void;
}

export function createImdsFront(options: ImdsFrontOptions): Front {
  const caller = { ...options, tokens: new SessionTokens(options.tokenKeys) };
  return createFront({
    ...options,
    routes: imdsRoutes(createHandlers(caller)),
    unrouted: "refused",
    strict: false,
    encodedSlashes: beforeRole,
    hostProblem: createHostCheck({
      names: [...metadataHosts, ...options.allowedHosts],
      ownAddresses: true,
      remedy: "see --allowed-hosts",
    }),
    identified: (connection) => options.pods.identified(connection),
    rateKey: (connection) => options.pods.lastKnown(connection),
    authenticate: (incoming, route) => {
      // SDKs take any refusal of a well-formed token request to mean that there is no IMDSv2.
      if (route === "token" && incoming.method === "PUT") return undefined;
      const refusal = checkToken(caller, incoming);
      return refusal && refuse(refusal);
    },
    refuse,
  });
}

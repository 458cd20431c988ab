/** Every way in which the container credentials front says no: status, code and message. */
import type { Reply } from "../imds/request_context.ts";

const table = {
  token_missing: [
    400,
    "TokenMissing",
    "Authorization must carry the pod's token; set AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
  ],
  target_malformed: [400, "TargetMalformed", "the request's path is malformed"],
  token_refused: [
    401,
    "TokenRefused",
    "the token has expired, is for another audience, or isn't bound to a pod of this node",
  ],
  host_refused: [403, "HostRefused", "the request's Host is none of this service's addresses"],
  denied: [403, "Denied", "this pod is denied its role"],
  no_role: [404, "NoRole", "this pod has no role"],
  not_found: [404, "NotFound", "not found; credentials are at /v1/credentials"],
  method: [405, "MethodNotAllowed", "only GET and HEAD are allowed"],
  token_unchecked: [503, "TokenUnchecked", "the token can't be checked now; try again"],
  pod_unknown: [503, "PodUnknown", "the token's pod is not known here yet; try again"],
  pod_unconfirmed: [
    503,
    "PodUnconfirmed",
    "the server has been silent for too long to be sure of this pod",
  ],
  credentials_pending: [
    503,
    "CredentialsPending",
    "the role's credentials are not here yet; try again",
  ],
  flooded: [503, "TooManyRequests", "too many requests from this address"],
} as const satisfies Record<string, readonly [status: number, code: string, message: string]>;

export type Refusal = keyof typeof table;

export const json = ["Content-Type", "application/json"] as const;

/**
 * The answer to a refused request, as ECS writes errors: SDKs show its body. `denial` is a denial's
 * own reason and text.
 */
export function refuse(
  reason: Refusal,
  denial?: { readonly reason: string; readonly message: string },
): Reply {
  const [status, usualCode, usual] = table[reason];
  const body = JSON.stringify({
    code: denial?.reason ?? usualCode,
    message: denial?.message ?? usual,
  });
  if (status === 503) return { status, headers: [json, ["Retry-After", "1"]], body };
  if (status === 405) return { status, headers: [json, ["Allow", "GET, HEAD"]], body };
  return { status, headers: [json], body };
}

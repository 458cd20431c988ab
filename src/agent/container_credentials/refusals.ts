/** Every refusal of the container credentials front: its status, code and message. */
import type { Reply } from "../../net/http_messages.ts";

const table = {
  token_missing: [
    400,
    "TokenMissing",
    "Authorization must carry the pod's token; set AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
  ],
  path_malformed: [400, "TargetMalformed", "the request's path is malformed"],
  token_refused: [
    401,
    "TokenRefused",
    "the token has expired, is for another audience, or isn't bound to a pod of this node",
  ],
  host_refused: [403, "HostRefused", "this Host isn't served here"],
  denied: [403, "Denied", "this pod is denied its role"],
  no_role: [404, "NoRole", "this pod has no role"],
  not_found: [404, "NotFound", "not found; credentials are at /v1/credentials"],
  method: [405, "MethodNotAllowed", "only GET and HEAD are allowed"],
  token_unchecked: [503, "TokenUnchecked", "the token can't be checked now; retry"],
  pod_unknown: [503, "PodUnknown", "the token's pod is not known here yet; retry"],
  pod_unconfirmed: [
    503,
    "PodUnconfirmed",
    "the server has been silent too long to confirm this pod; retry",
  ],
  credentials_pending: [
    503,
    "CredentialsPending",
    "credentials are not available yet; retry",
  ],
  flooded: [503, "TooManyRequests", "too many requests from this address"],
} as const satisfies Record<string, readonly [status: number, code: string, message: string]>;

export type Refusal = keyof typeof table;

export const json = ["Content-Type", "application/json"] as const;

/** The reply to a refused request, as ECS writes errors: SDKs show its body. */
export function refuse(
  reason: Refusal,
  message?: string,
  code: string = table[reason][1],
): Reply {
  const [status, , usual] = table[reason];
  const body = JSON.stringify({ code, message: message ?? usual });
  if (status === 503) return { status, headers: [json, ["Retry-After", "1"]], body };
  if (status === 405) return { status, headers: [json, ["Allow", "GET, HEAD"]], body };
  return { status, headers: [json], body };
}

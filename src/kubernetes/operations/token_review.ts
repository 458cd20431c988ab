/** Has the API server authenticate a bearer token (authentication.k8s.io/v1 TokenReview). */
import type { V1TokenReview } from "@kubernetes/client-node";
import * as v from "valibot";
import type { KubernetesApi } from "../client/api.ts";
import { ApiFault } from "../client/api_fault.ts";
import { oneLine } from "../../telemetry/fault.ts";

type TokenVerdict =
  | {
    readonly kind: "authenticated";
    readonly username: string;
    readonly groups: readonly string[];
    readonly audiences: readonly string[];
    /** For tokens bound to a pod; else null. */
    readonly podName: string | null;
    readonly podUid: string | null;
    /** Since Kubernetes 1.30. */
    readonly nodeName: string | null;
  }
  | { readonly kind: "refused"; readonly message: string };

const review = v.object({
  status: v.object({
    authenticated: v.optional(v.boolean(), false),
    error: v.optional(v.string(), ""),
    audiences: v.optional(v.nullable(v.array(v.string())), []),
    user: v.optional(
      v.object({
        username: v.optional(v.string(), ""),
        groups: v.optional(v.nullable(v.array(v.string())), []),
        extra: v.optional(v.nullable(v.record(v.string(), v.array(v.string()))), {}),
      }),
      {},
    ),
  }),
});
type Review = v.InferOutput<typeof review>["status"];

/**
 * Verdict on a token for an audience; its `audiences` are those common to the token and the request.
 * No message contains the token.
 * @throws {ApiFault} the API is unreachable, so nothing is known about the token
 */
export function createTokenReview(
  api: Pick<KubernetesApi, "json">,
): (token: string, audience: string) => Promise<TokenVerdict> {
  return async (token, audience) => {
    const body: V1TokenReview = {
      apiVersion: "authentication.k8s.io/v1",
      kind: "TokenReview",
      spec: { token, audiences: [audience] },
    };
    const path = "/apis/authentication.k8s.io/v1/tokenreviews";
    const call = { action: "create tokenreviews", method: "POST", path, body };
    const status = statusOf(await api.json(call));
    return status.authenticated ? authenticated(status) : refused(status, token);
  };
}

function statusOf(response: unknown): Review {
  const read = v.safeParse(review, response);
  if (read.success) return read.output.status;
  throw new ApiFault("kubernetes: cannot create tokenreviews: the response has no status", {
    code: "api_refused",
    status: null,
  });
}

function authenticated({ user, audiences }: Review): TokenVerdict {
  const extra = (key: string) => user.extra?.[`authentication.kubernetes.io/${key}`]?.[0] ?? null;
  return {
    kind: "authenticated",
    username: user.username,
    groups: user.groups ?? [],
    audiences: audiences ?? [],
    podName: extra("pod-name"),
    podUid: extra("pod-uid"),
    nodeName: extra("node-name"),
  };
}

function refused({ error }: Review, token: string): TokenVerdict {
  const text = oneLine(token === "" ? error : error.replaceAll(token, "…"));
  return { kind: "refused", message: text || "the API server rejects the token" };
}

/** Asks the API server whom a bearer token belongs to (authentication.k8s.io/v1 TokenReview). */
import * as v from "valibot";
import type { KubernetesApi } from "../client/api.ts";
import { ApiFault, oneLine } from "../client/api_fault.ts";

export type TokenVerdict =
  | {
    readonly kind: "authenticated";
    readonly username: string;
    readonly audiences: readonly string[];
    /** Of tokens bound to a pod; null otherwise. */
    readonly podName: string | null;
    readonly podUid: string | null;
    /** From Kubernetes 1.30 on. */
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
        extra: v.optional(v.nullable(v.record(v.string(), v.array(v.string()))), {}),
      }),
      {},
    ),
  }),
});
type Review = v.InferOutput<typeof review>["status"];

/**
 * The verdict on a token for an audience; `audiences` are those that the token and the question
 * share. The token appears in no message.
 * @throws {ApiFault} the API can't be asked, so nothing is known of the token
 */
export function createTokenReview(
  api: Pick<KubernetesApi, "json">,
): (token: string, audience: string) => Promise<TokenVerdict> {
  return async (token, audience) => {
    const answer = await api.json({
      action: "create tokenreviews",
      method: "POST",
      path: "/apis/authentication.k8s.io/v1/tokenreviews",
      body: {
        apiVersion: "authentication.k8s.io/v1",
        kind: "TokenReview",
        spec: { token, audiences: [audience] },
      },
    });
    const status = statusOf(answer);
    return status.authenticated ? authenticated(status) : refused(status, token);
  };
}

function statusOf(answer: unknown): Review {
  const read = v.safeParse(review, answer);
  if (read.success) return read.output.status;
  throw new ApiFault("kubernetes: cannot create tokenreviews: the answer has no status", {
    code: "api_refused",
    status: null,
  });
}

function authenticated({ user, audiences }: Review): TokenVerdict {
  const extra = (key: string) => user.extra?.[`authentication.kubernetes.io/${key}`]?.[0] ?? null;
  return {
    kind: "authenticated",
    username: user.username,
    audiences: audiences ?? [],
    podName: extra("pod-name"),
    podUid: extra("pod-uid"),
    nodeName: extra("node-name"),
  };
}

function refused({ error }: Review, token: string): TokenVerdict {
  const said = oneLine(token === "" ? error : error.replaceAll(token, "…"));
  return { kind: "refused", message: said === "" ? "the API server doesn't know the token" : said };
}

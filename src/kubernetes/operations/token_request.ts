/** Requests a token of a ServiceAccount, bound to one of its pods (authentication.k8s.io/v1 TokenRequest). */
import * as v from "valibot";
import type { KubernetesApi } from "../client/api.ts";
import { ApiFault } from "../client/api_fault.ts";

interface TokenRequest {
  readonly namespace: string;
  readonly serviceAccount: string;
  readonly audience: string;
  readonly pod: { readonly name: string; readonly uid: string };
}

/** `gone`: the pod, or the ServiceAccount. `forbidden`: by RBAC or an admission policy. */
type TokenAnswer =
  | { readonly kind: "token"; readonly token: string }
  | { readonly kind: "gone" }
  | { readonly kind: "forbidden" };

/** The shortest lifetime that the API grants. */
const lifetimeSeconds = 600;

const answered = v.object({ status: v.object({ token: v.pipe(v.string(), v.nonEmpty()) }) });
/** 400 and 409: the pod isn't one of this ServiceAccount, or another one has its name now. */
const gone: ReadonlySet<ApiFault["code"]> = new Set(["api_not_found", "api_conflict"]);

/** The token appears in no message. @throws {ApiFault} the API can't be reached */
export function createTokenRequest(
  api: Pick<KubernetesApi, "json">,
): (request: TokenRequest, signal: AbortSignal) => Promise<TokenAnswer> {
  return async ({ namespace, serviceAccount, audience, pod }, signal) => {
    const place = `namespaces/${encodeURIComponent(namespace)}`;
    try {
      const answer = await api.json({
        action: `create serviceaccounts/token of ${namespace}/${serviceAccount}`,
        method: "POST",
        path: `/api/v1/${place}/serviceaccounts/${encodeURIComponent(serviceAccount)}/token`,
        signal,
        body: {
          apiVersion: "authentication.k8s.io/v1",
          kind: "TokenRequest",
          spec: {
            audiences: [audience],
            expirationSeconds: lifetimeSeconds,
            boundObjectRef: { apiVersion: "v1", kind: "Pod", name: pod.name, uid: pod.uid },
          },
        },
      });
      return { kind: "token", token: v.parse(answered, answer).status.token };
    } catch (fault) {
      if (!(fault instanceof ApiFault)) throw unreadable(fault);
      if (fault.code === "api_forbidden") return { kind: "forbidden" };
      if (gone.has(fault.code) || fault.status === 400) return { kind: "gone" };
      throw fault;
    }
  };
}

/** What was answered may hold the token, so it is not kept. */
function unreadable(thrown: unknown): unknown {
  if (!v.isValiError(thrown)) return thrown;
  const details = { code: "api_refused", status: null } as const;
  return new ApiFault("kubernetes: cannot create serviceaccounts/token: no token in it", details);
}

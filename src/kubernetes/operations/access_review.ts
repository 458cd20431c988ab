/** Asks the API server whether a user may do something (authorization.k8s.io/v1 SubjectAccessReview). */
import * as v from "valibot";
import type { KubernetesApi } from "../client/api.ts";
import { ApiFault } from "../client/api_fault.ts";

interface ReviewedUser {
  readonly username: string;
  readonly groups: readonly string[];
}

/** As in RBAC rules; the resource doesn't have to exist. */
interface ResourceAccess {
  readonly namespace: string;
  readonly verb: string;
  readonly group: string;
  readonly resource: string;
}

const review = v.object({ status: v.object({ allowed: v.boolean() }) });

/** @throws {ApiFault} the API server can't be reached, or doesn't permit the review */
export function createAccessReview(
  api: Pick<KubernetesApi, "json">,
  access: ResourceAccess,
): (user: ReviewedUser) => Promise<boolean> {
  return async ({ username, groups }) => {
    const answer = await api.json({
      action: "create subjectaccessreviews",
      method: "POST",
      path: "/apis/authorization.k8s.io/v1/subjectaccessreviews",
      body: {
        apiVersion: "authorization.k8s.io/v1",
        kind: "SubjectAccessReview",
        spec: { user: username, groups: [...groups], resourceAttributes: access },
      },
    });
    const read = v.safeParse(review, answer);
    if (read.success) return read.output.status.allowed;
    throw new ApiFault("kubernetes: cannot create subjectaccessreviews: the answer has no status", {
      code: "api_refused",
      status: null,
    });
  };
}

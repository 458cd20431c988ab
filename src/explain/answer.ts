/** The answer of a server or of policy, before formatting. */
import type { Explanation } from "../policy/explanation.ts";
import type { DeniedPod } from "../status_client/denied_pods.ts";

export type Answer =
  | { readonly kind: "pod"; readonly explanation: Explanation }
  | { readonly kind: "not-found"; readonly namespace: string; readonly name: string }
  | {
    readonly kind: "all";
    readonly denied: readonly DeniedPod[];
    /** What the list lacks, a line each, such as a replica that didn't answer. */
    readonly notes: readonly string[];
  };

/** What whoever was asked says, before it is printed. */
import type { Explanation } from "../policy/explanation.ts";
import type { DeniedPod } from "./causes.ts";

export type Answer =
  | { readonly kind: "pod"; readonly explanation: Explanation }
  | { readonly kind: "not-found" }
  | {
    readonly kind: "all";
    readonly denied: readonly DeniedPod[];
    /** What the list can't say, a line each, such as a replica that didn't answer. */
    readonly notes: readonly string[];
  };

/** Nobody could be asked; the message says who and what to do. */
export class ExplainFault extends Error {
  override readonly name = "ExplainFault";
  readonly code: "unreachable" | "refused";

  constructor(code: "unreachable" | "refused", message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

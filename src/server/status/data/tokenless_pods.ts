/**
 * When each pod last made a request without a session token, as agents report it. Kept while the pod
 * is known, so that it outlasts the agent.
 */
import type { AgentReport } from "../../../protocol/frames.ts";
import { instant } from "../../../time/instant.ts";
import type { ClusterIndex } from "../../cluster/cluster_index.ts";

export class TokenlessPods {
  readonly #index: ClusterIndex;
  /** By UID. */
  readonly #last = new Map<string, number>();

  constructor(index: ClusterIndex) {
    this.#index = index;
    index.subscribe({
      podChanged: (now, before) => {
        if (now === undefined && before !== undefined) this.#last.delete(before.uid);
      },
    });
  }

  /** An agent counts for pods of its own node only. */
  reported(node: string, { withoutToken = [] }: AgentReport): void {
    for (const { uid, at } of withoutToken) {
      const time = Date.parse(at);
      if (this.#index.pod(uid)?.nodeName !== node || !Number.isFinite(time)) continue;
      this.#last.set(uid, Math.max(time, this.#last.get(uid) ?? 0));
    }
  }

  /** `YYYY-MM-DDTHH:MM:SSZ`; null if none is known. */
  lastOf(uid: string): string | null {
    const at = this.#last.get(uid);
    return at === undefined ? null : instant(at);
  }
}

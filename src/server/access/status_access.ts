/**
 * Who may read the status page. Off the host network, only a port-forward reaches the pod's loopback
 * address, which RBAC controls. On the host network every process of the node reaches it, so there
 * it takes a token of a user who may get `status.rolecall.dev` in the server's namespace.
 */
import { expiringCache } from "../../time/expiring_cache.ts";
import type { Log } from "../../telemetry/log.ts";
import type { Clock } from "../../time/clock.ts";
import type { ClusterIndex } from "../cluster/cluster_index.ts";
import type { ReviewAccess } from "../ports.ts";
import { type Refusal, refuse } from "./refusal.ts";
import type { ReviewedTokens } from "./reviewed_tokens.ts";

const audience = "rolecall-status";
const cachedMs = 60_000;
const maxCached = 1_000;

/** Null: access is granted. */
export type StatusAccess = (
  authorization: string | undefined,
  peer: string,
) => Promise<Refusal | null>;

interface StatusAccessOptions {
  /** `--status-auth`; `auto`: a token if the server's own pod is on the host network. */
  readonly mode: "auto" | "token" | "none";
  /** Null outside a cluster. */
  readonly ownPod: { readonly namespace: string; readonly name: string } | null;
  readonly index: ClusterIndex;
  readonly tokens: ReviewedTokens;
  readonly reviewAccess: ReviewAccess;
  readonly clock: Clock;
  readonly log: Log;
}

export function statusAccess(options: StatusAccessOptions): StatusAccess {
  const { tokens, reviewAccess, clock, log } = options;
  const isRequired = tokenRequirement(options);
  const granted = expiringCache<true>({
    max: maxCached,
    ttlMs: cachedMs,
    now: () => clock.monotonic(),
  });
  return async (authorization, peer) => {
    const required = isRequired();
    if (required === undefined) return refuse(503, "the server's own pod is not listed yet; retry");
    if (!required) return null;
    const token = await tokens.review(authorization, audience, peer);
    if (token.kind === "refusal") return withAdvice(token, options);
    const { username } = token;
    try {
      if (!granted.has(username)) {
        if (!await reviewAccess(token)) return refuse(403, forbidden(username));
        granted.set(username, true);
      }
      return null;
    } catch (fault) {
      log.warn({ error: String(fault) }, "access review failed");
      return refuse(503, "access can't be checked now: the API server does not answer");
    }
  };
}

/** Undefined until it is known. A pod never changes its network. */
function tokenRequirement({ mode, ownPod, index }: StatusAccessOptions): () => boolean | undefined {
  if (mode !== "auto" || ownPod === null) return () => mode === "token";
  let required: boolean | undefined;
  const isOwn = ({ namespace, name }: { readonly namespace: string; readonly name: string }) =>
    namespace === ownPod.namespace && name === ownPod.name;
  return () => required ??= Iterator.from(index.allPods()).find(isOwn)?.hostNetwork;
}

function withAdvice(refusal: Refusal, { ownPod }: StatusAccessOptions): Refusal {
  if (refusal.status !== 401) return refusal;
  const namespace = ownPod === null ? "" : `-n ${ownPod.namespace} `;
  const command = `kubectl create token ${namespace}rolecall-status --audience=${audience}`;
  return refuse(401, `${refusal.message}; this page requires one from: ${command}`);
}

function forbidden(username: string): string {
  return `${username} may not get status.rolecall.dev; bind it to the Role rolecall-status`;
}

/** What a migration plan needs from a cluster beyond the facts that decisions depend on. */
import * as v from "valibot";
import type { KubernetesApi } from "../../kubernetes/client/api.ts";
import { ApiFault } from "../../kubernetes/client/api_fault.ts";
import type { Resource } from "../../kubernetes/objects/resource.ts";
import { listPages } from "../../kubernetes/reflector/list_pages.ts";
import type { Clock } from "../../time/clock.ts";

const owned = v.object({
  metadata: v.object({
    uid: v.string(),
    labels: v.optional(v.record(v.string(), v.unknown()), {}),
    ownerReferences: v.array(v.object({
      kind: v.string(),
      name: v.string(),
      controller: v.optional(v.boolean(), false),
    })),
  }),
});

interface Owned {
  readonly uid: string;
  readonly owner: string;
}

const ownedPods: Resource<Owned> = {
  plural: "pods",
  path: "/api/v1/pods",
  pick(object) {
    const read = v.safeParse(owned, object);
    if (!read.success) return { key: null, problem: "nothing made it" };
    const { uid, labels, ownerReferences } = read.output.metadata;
    const made = ownerReferences.find(({ controller }) => controller);
    if (made === undefined) return { key: uid, problem: "nothing made it" };
    return { key: uid, item: { uid, owner: ownerName(made, labels["pod-template-hash"]) } };
  },
};

/** A ReplicaSet of a Deployment has its name and the hash of the template. */
function ownerName(made: { readonly kind: string; readonly name: string }, hash: unknown): string {
  const kind = made.kind.toLowerCase();
  if (kind !== "replicaset" || typeof hash !== "string" || !made.name.endsWith(`-${hash}`)) {
    return `${kind}/${made.name}`;
  }
  return `deployment/${made.name.slice(0, -hash.length - 1)}`;
}

/** What made each pod, such as `deployment/web`, by UID. @throws {ApiFault} the list fails */
export async function readPodOwners(
  api: KubernetesApi,
  clock: Clock,
): Promise<ReadonlyMap<string, string>> {
  const { signal } = new AbortController();
  const options = { api, resource: ownedPods, clock, signal, limit: 500, unreadable: () => {} };
  return new Map((await listPages(options)).items.map(({ uid, owner }) => [uid, owner]));
}

/** The issuer of ServiceAccounts' tokens, without `https://`; null if the cluster doesn't give it. */
export async function clusterIssuer(api: Pick<KubernetesApi, "json">): Promise<string | null> {
  const path = "/.well-known/openid-configuration";
  try {
    const found = await api.json({ action: "get the issuer", path });
    const read = v.safeParse(v.object({ issuer: v.string() }), found);
    return read.success ? read.output.issuer.replace(/^https:\/\//, "") : null;
  } catch (fault) {
    if (fault instanceof ApiFault) return null;
    throw fault;
  }
}

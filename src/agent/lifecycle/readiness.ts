/** What an agent lacks to be ready, in lines that name the cause. */
import type { RedirectStatus } from "../redirect/redirect_reconciler.ts";
import type { ServerClientStatus } from "../server_client/server_client.ts";

/** A connection lost for a moment is no lack: known pods are still answered. */
export function missingForReadiness(
  redirect: Pick<RedirectStatus, "inPlace" | "lastError">,
  link: Pick<ServerClientStatus, "problem" | "address">,
  known: { readonly everSynced: boolean; readonly confirmed: boolean },
): readonly string[] {
  const missing: string[] = [];
  if (!redirect.inPlace) missing.push(`redirect: ${redirect.lastError ?? "not in place yet"}`);
  const followed = `connected to ${link.address}, but`;
  if (!known.everSynced) {
    missing.push(`server: ${link.problem ?? `${followed} its snapshot isn't complete yet`}`);
  } else if (!known.confirmed) {
    missing.push(`server: ${link.problem ?? `${followed} its watch of the cluster has stalled`}`);
  }
  return missing;
}

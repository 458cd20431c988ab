/** Keeps the cluster running so that somebody can inspect it. */
import type { Site } from "./site.ts";

export const keep = "--keep";

/** Prints how to reach it, and runs until a signal ends it. */
export function keepUp({ overlay, uninstall, image, sdkImage, stsUrl }: Site, kubeconfig: string) {
  console.log(`there: export KUBECONFIG=${kubeconfig}`);
  console.log(JSON.stringify({ overlay, uninstall, image, sdkImage, stsUrl }, null, 2));
  return new Promise<number>((resolve) => setTimeout(resolve, 2 ** 31 - 1, 0));
}

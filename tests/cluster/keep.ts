/** A cluster that stays for somebody to look at. */
import type { Site } from "./site.ts";

export const keep = "--keep";

/** Tells how to speak to it; what ends it is a signal. */
export function keepUp({ overlay, uninstall, image, sdkImage, stsUrl }: Site, kubeconfig: string) {
  console.log(`there: export KUBECONFIG=${kubeconfig}`);
  console.log(JSON.stringify({ overlay, uninstall, image, sdkImage, stsUrl }, null, 2));
  return new Promise<number>((resolve) => setTimeout(resolve, 2 ** 31 - 1, 0));
}

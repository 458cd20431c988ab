/** The scenarios on an existing cluster, such as kind's. */
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { clientsImage, rolecallImage } from "./images.ts";
import { Kubectl } from "./kubectl.ts";
import { writeOverlay } from "./own_overlays.ts";
import { play } from "./play.ts";

/** What has to be said of that cluster beside its kubeconfig. */
const needed = {
  TEST_IMAGE: `Rolecall's image, as its nodes can pull it or have it (${rolecallImage})`,
  TEST_SDK_IMAGE: `an image whose entry point is tests/clients/go (${clientsImage})`,
  TEST_STS: "the URL of moto's server, as both its pods and this machine reach it",
} as const;

/** Overlay dev, with moto for STS. */
export async function playOnGivenCluster(
  env: Readonly<Record<string, string | undefined>>,
  wanted?: string,
): Promise<number> {
  const lacking = Object.entries(needed).filter(([name]) => !env[name]);
  for (const [name, what] of lacking) console.error(`test:cluster: ${name} is missing: ${what}`);
  if (lacking.length > 0) return 3;
  const image = env["TEST_IMAGE"] ?? "";
  const stsUrl = env["TEST_STS"] ?? "";
  const folder = mkdtempSync(join(tmpdir(), "rolecall-overlay-"));
  return await play({
    kubectl: new Kubectl(env["KUBECONFIG"] ?? ""),
    overlay: writeOverlay(join(folder, "overlay"), {
      resource: "overlays/dev",
      image,
      server: { ROLECALL_STS_ENDPOINT: stsUrl, ROLECALL_REGION: "eu-west-1" },
    }),
    uninstall: writeOverlay(join(folder, "uninstall"), { resource: "overlays/uninstall", image }),
    image,
    sdkImage: env["TEST_SDK_IMAGE"] ?? "",
    stsUrl,
    own: null,
  }, wanted);
}

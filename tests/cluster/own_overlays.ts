/** Overlays for the test's nodes, as a user would write them: image, STS endpoint and region. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { stsUrl } from "../system/sts.ts";
import { rolecallImage } from "./images.ts";
import type { Site } from "./site.ts";

const shipped = fileURLToPath(new URL("../../deploy/kustomize/", import.meta.url));

/** What a user's overlay adds to the one that it is based on. */
export interface OverlayOptions {
  readonly resource: string;
  readonly image: string;
  readonly server?: Readonly<Record<string, string>>;
  readonly agent?: Readonly<Record<string, string>>;
  readonly components?: readonly string[];
}

/** Writes it to a separate folder; kustomize takes relative paths only. */
export function writeOverlay(folder: string, options: OverlayOptions): string {
  mkdirSync(folder, { recursive: true });
  const path = (name: string) => relative(folder, join(shipped, name));
  const [newName, newTag] = split(options.image);
  writeFileSync(
    join(folder, "kustomization.yaml"),
    JSON.stringify({
      apiVersion: "kustomize.config.k8s.io/v1beta1",
      kind: "Kustomization",
      resources: [path(options.resource)],
      components: (options.components ?? []).map(path),
      images: [{ name: "rolecall", newName, newTag }],
      configMapGenerator: [
        ...settings("rolecall-server-settings", options.server),
        ...settings("rolecall-agent-settings", options.agent),
      ],
    }),
  );
  return folder;
}

function settings(name: string, values: Readonly<Record<string, string>> | undefined): object[] {
  if (values === undefined) return [];
  const literals = Object.entries(values).map(([key, value]) => `${key}=${value}`);
  return [{ name, namespace: "rolecall", behavior: "merge", literals }];
}

function split(image: string): [string, string] {
  const at = image.lastIndexOf(":");
  return [image.slice(0, at), image.slice(at + 1)];
}

/** Applies an overlay, and waits until servers and agents are rolled out. */
export async function install({ kubectl }: Pick<Site, "kubectl">, overlay: string): Promise<void> {
  await kubectl.do(["apply", "-k", overlay]);
  await kubectl.rolledOut("rolecall", "deployment/rolecall-server");
  await kubectl.rolledOut("rolecall", "daemonset/rolecall-agent");
}

/** For clusters as kubeadm makes them, the servers with their nodes' credentials. */
export function ownOverlays(folder: string): { overlay: string; uninstall: string } {
  const overlay = writeOverlay(join(folder, "overlay"), {
    resource: "overlays/kubeadm",
    image: rolecallImage,
    server: { ROLECALL_STS_ENDPOINT: stsUrl, ROLECALL_REGION: "eu-west-1" },
  });
  const uninstall = writeOverlay(join(folder, "uninstall"), {
    resource: "overlays/uninstall",
    image: rolecallImage,
  });
  return { overlay, uninstall };
}

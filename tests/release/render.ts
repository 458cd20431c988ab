/** Objects as kustomize renders them: what a user's `kubectl apply -k` would apply. */
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseAllDocuments } from "yaml";
import { type OverlayOptions, writeOverlay } from "../cluster/own_overlays.ts";
import { must } from "../system/programs.ts";

export const deploy = fileURLToPath(new URL("../../deploy/", import.meta.url));

export interface KubernetesObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
  };
  // deno-lint-ignore no-explicit-any
  readonly [field: string]: any;
}

export function objectsIn(yaml: string): KubernetesObject[] {
  return parseAllDocuments(yaml).map((one) => one.toJS()).filter((one) => one !== null);
}

export async function kustomize(folder: string): Promise<KubernetesObject[]> {
  return objectsIn(await must(["kubectl", "kustomize", folder]));
}

/** A user's own overlay with these options. */
export async function overlayWith(options: OverlayOptions): Promise<KubernetesObject[]> {
  const folder = mkdtempSync(join(tmpdir(), "rolecall-overlay-"));
  try {
    return await kustomize(writeOverlay(folder, options));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

export function shipped(kind: "overlays" | "components"): string[] {
  return readdirSync(join(deploy, "kustomize", kind));
}

/** What it is among others: no two may be equal. */
export function identity({ kind, metadata }: KubernetesObject): string {
  return `${kind} ${metadata.namespace ?? ""}/${metadata.name}`;
}

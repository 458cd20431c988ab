/**
 * Packs the kubectl plugin for krew, for every platform that has Node:
 * rolecall-plugin-VERSION.tar.gz, and the manifest rolecall.yaml that krew installs it by:
 * `deno run -A release/plugin.ts`.
 */
import { createHash } from "node:crypto";
import { chmodSync, cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { buildSync } from "esbuild";
import { stringify } from "yaml";
import { type Project, readProject } from "./project.ts";
import { packed, result, root } from "./run.ts";

const bin = "kubectl-rolecall.js";

function bundle(folder: string): void {
  buildSync({
    absWorkingDir: root,
    entryPoints: [join("bin", bin)],
    outdir: folder,
    chunkNames: "[name]-[hash]",
    bundle: true,
    splitting: true,
    minify: true,
    format: "esm",
    platform: "node",
    target: "node22",
    mainFields: ["module", "main"],
    // CommonJS modules call it for what Node has built in.
    banner: {
      js: 'import{createRequire as makeRequire}from"node:module";' +
        "var require=makeRequire(import.meta.url);",
    },
    logLevel: "warning",
  });
  chmodSync(join(folder, bin), 0o755);
  cpSync(join(root, "LICENSE"), join(folder, "LICENSE"));
  writeFileSync(join(folder, "package.json"), '{"type":"module"}\n');
}

/** https://krew.sigs.k8s.io/docs/developer-guide/plugin-manifest */
function manifestOf({ version, repository, description }: Project, archive: string): object {
  const sha256 = createHash("sha256").update(readFileSync(result(archive))).digest("hex");
  return {
    apiVersion: "krew.googlecontainertools.github.com/v1alpha2",
    kind: "Plugin",
    metadata: { name: "rolecall" },
    spec: {
      version: `v${version}`,
      homepage: repository,
      shortDescription: "Why a pod has its AWS role, or doesn't",
      description:
        `${description}. Explains pods, checks manifests, shows the installation's state.\n`,
      caveats: "Needs Node 22.19 or later in PATH.\n",
      platforms: [{
        selector: {
          matchExpressions: [{ key: "os", operator: "In", values: ["linux", "darwin"] }],
        },
        uri: `${repository}/releases/download/v${version}/${archive}`,
        sha256,
        bin,
        files: [{ from: "rolecall/*", to: "." }],
      }],
    },
  };
}

const project = await readProject();
const archive = `rolecall-plugin-${project.version}.tar.gz`;
packed(archive, "rolecall", bundle);
writeFileSync(result("rolecall.yaml"), stringify(manifestOf(project, archive)));

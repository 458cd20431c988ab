/**
 * Packs what a cluster needs of a release, with the image's address and digest: `deploy` as
 * rolecall-manifests-VERSION.tar.gz, the Helm chart as rolecall-VERSION.tgz. After `images.ts push`:
 * `deno run -A release/manifests.ts`.
 */
import { cpSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Project, readProject, withRunbooks } from "./project.ts";
import { type Image, readImages } from "./images.ts";
import { writeChart } from "./chart.ts";
import { packed, root } from "./run.ts";

function imageOnDeno(): Image {
  const image = readImages().find(({ target }) => target === "deno");
  if (image === undefined) throw new Error("images.json: no image on Deno");
  return image;
}

function writeManifests(folder: string, project: Project, { digest }: Image): void {
  for (const part of ["kustomize", "monitoring"]) {
    cpSync(join(root, "deploy", part), join(folder, part), { recursive: true });
  }
  const set = `newName: ${project.image}\n    newTag: ${project.version}\n    digest: ${digest}`;
  let named = 0;
  for (const path of filesBelow(folder)) {
    const text = readFileSync(path, "utf8");
    const ours = withRunbooks(text, project).replaceAll(
      `- name: rolecall\n    newTag: ${project.version}\n`,
      () => (named++, `- name: rolecall\n    ${set}\n`),
    );
    if (ours !== text) writeFileSync(path, ours);
  }
  if (named === 0) throw new Error(`deploy/kustomize: no image rolecall ${project.version}`);
}

function filesBelow(folder: string): string[] {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  return entries.filter((one) => one.isFile()).map((one) => join(one.parentPath, one.name));
}

const project = await readProject();
const { version } = project;
const image = imageOnDeno();
const name = `rolecall-manifests-${version}`;
packed(`${name}.tar.gz`, name, (folder) => writeManifests(folder, project, image));
packed(
  `rolecall-${version}.tgz`,
  "rolecall",
  (folder) => writeChart(folder, project, image.digest),
);

/**
 * Writes the release's list of software, sbom.cdx.json, in CycloneDX's format:
 * `deno run -A release/sbom.ts`. npm itself lists the packages of the lock file; the images' bases are
 * added. Debian's packages in the image are not in it.
 */
import { writeFileSync } from "node:fs";
import { readProject } from "./project.ts";
import { readBases } from "./images.ts";
import { result, run } from "./run.ts";

const { image, version } = await readProject();
const sbom = JSON.parse(
  run("npm", "sbom", "--package-lock-only", "--sbom-format=cyclonedx", "--sbom-type=application"),
);
// npm takes the folder's name.
sbom.metadata.component.name = "rolecall";
for (const base of Object.values(readBases())) {
  const [, name = "", tag = "", digest = ""] = /^(.+?)(?::([^:/@]+))?@(.+)$/.exec(base) ?? [];
  sbom.components.push({
    "bom-ref": base,
    type: "container",
    name,
    version: tag,
    purl: `pkg:oci/${name.split("/").at(-1)}@${
      encodeURIComponent(digest)
    }?repository_url=${name}&tag=${tag}`,
  });
}
writeFileSync(result("sbom.cdx.json"), JSON.stringify(sbom, null, 2) + "\n");
console.log(`${image}:${version}: ${sbom.components.length} components`);

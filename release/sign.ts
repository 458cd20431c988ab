/**
 * Signs the pushed images, and attests their list of software and how they were built:
 * `deno run -A release/sign.ts`. Needs cosign; by the identity of the workflow that runs it, or by
 * the key in COSIGN_KEY, in which case nothing enters a transparency log.
 */
import { writeFileSync } from "node:fs";
import process from "node:process";
import { readProject } from "./project.ts";
import { readBases, readImages } from "./images.ts";
import { result, run } from "./run.ts";

const { image, repository, version } = await readProject();
const key = process.env["COSIGN_KEY"];
const by = key ? [`--key=${key}`, "--tlog-upload=false"] : [];
const provenance = result("provenance.json");
writeFileSync(provenance, JSON.stringify(provenanceOf(), null, 2) + "\n");
for (const { digest } of readImages()) {
  const pushed = `${image}@${digest}`;
  run("cosign", "sign", "--yes", "--recursive", ...by, pushed);
  for (
    const [type, predicate] of [
      ["cyclonedx", result("sbom.cdx.json")],
      ["slsaprovenance1", provenance],
    ]
  ) {
    run("cosign", "attest", "--yes", ...by, `--type=${type}`, `--predicate=${predicate}`, pushed);
  }
}

/** https://slsa.dev/spec/v1.0/provenance */
function provenanceOf(): object {
  const workflowRun = process.env["GITHUB_RUN_ID"];
  return {
    buildDefinition: {
      buildType: `${repository}/blob/v${version}/release/images.ts`,
      externalParameters: { repository, version },
      resolvedDependencies: [
        { uri: `git+${repository}`, digest: { gitCommit: run("git", "rev-parse", "HEAD") } },
        ...Object.values(readBases()).map((base) => {
          const [uri = "", digest = ""] = base.split("@sha256:");
          return { uri: `docker://${uri}`, digest: { sha256: digest } };
        }),
      ],
    },
    runDetails: {
      builder: { id: `${repository}/blob/v${version}/.github/workflows/release.yml` },
      ...workflowRun && { metadata: { invocationId: `${repository}/actions/runs/${workflowRun}` } },
    },
  };
}

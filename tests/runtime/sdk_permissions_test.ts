import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import process from "node:process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { commands } from "../../src/commands.ts";

const pathOf = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const file = pathOf("../../deploy/image/permissions.json");
const { permissions } = JSON.parse(readFileSync(file, "utf8"));
const skip = "deno" in process.versions ? false : "Node's image has no permissions";

for (const set of ["server", "dev"]) {
  // The SDK looks for the home folder of the user it runs as where HOME isn't set.
  test(`the image's permissions of ${set} are enough for the SDK, without HOME`, { skip }, () => {
    // Deno gives a child its own environment too, whatever `env` says.
    const words = ["-i", "AWS_EC2_METADATA_DISABLED=true", process.execPath, "run", "-q"];
    const { status, stdout, stderr } = spawnSync(
      "env",
      [...words, "--no-prompt", ...flagsOf(permissions[set]), pathOf("sdk_permissions.ts")],
      { encoding: "utf8" },
    );
    assert.equal(status, 0, stderr);
    const { unset, identity } = JSON.parse(stdout);
    assert.deepEqual(unset, ["--region: no AWS region is set; set it or AWS_REGION"]);
    assert.match(identity, /CredentialsProviderError/);
  });
}

/** The set as flags: with the image's own configuration file the sources' packages aren't found. */
function flagsOf(set: Readonly<Record<string, boolean | readonly string[]>>): string[] {
  return Object.entries(set).filter(([, granted]) => granted !== false)
    .map(([name, granted]) => `--allow-${name}${granted === true ? "" : `=${granted}`}`);
}

test("every command has its permissions in the image", () => {
  for (const name of Object.keys(commands)) assert.ok(permissions[name], name);
});

/** Files that only the forge and its robots read, checked for what these would refuse or ignore. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";
import { ownerOf, readProject } from "../../release/project.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const read = (name: string) => readFileSync(join(root, name), "utf8");

test("CODEOWNERS: every path exists, every owner is a team of the repository's owner", async () => {
  const owner = ownerOf(await readProject());
  const lines = read(".github/CODEOWNERS").split("\n").filter((line) => /^[^#]/.test(line));
  assert.equal(lines[0]!.split(/\s+/)[0], "*");
  for (const line of lines) {
    const [path = "", ...owners] = line.split(/\s+/);
    if (path !== "*") assert.ok(existsSync(join(root, path)), path);
    assert.ok(owners.length > 0, line);
    for (const team of owners) {
      assert.match(team, new RegExp(`^@${owner}/[a-z-]+$`), "if not: deno task docs");
    }
  }
});

const forms = readdirSync(join(root, ".github/ISSUE_TEMPLATE")).filter((name) =>
  name !== "config.yml"
);

for (const name of forms) {
  test(`issue form ${name}: fields are of known types, and have ids and labels`, () => {
    const form = parse(read(`.github/ISSUE_TEMPLATE/${name}`));
    assert.ok(form.name && form.description);
    const fields = form.body.filter(({ type }: { type: string }) => type !== "markdown");
    assert.ok(fields.length > 0);
    for (const { type, id, attributes } of fields) {
      assert.match(type, /^(input|textarea|dropdown|checkboxes)$/, id);
      assert.match(id, /^[a-z_-]+$/);
      assert.ok(attributes.label, id);
      if (type === "dropdown") {
        assert.equal(new Set(attributes.options).size, attributes.options.length, id);
      }
    }
    const ids = fields.map(({ id }: { id: string }) => id);
    assert.equal(new Set(ids).size, ids.length);
  });
}

/** Files that contain this text, as git knows them. */
function filesWith(text: string, ...excluded: readonly string[]): string[] {
  const paths = excluded.map((path) => `:!${path}`);
  const args = ["grep", "-lF", text, "--", ...paths];
  return execFileSync("git", args, { cwd: root, encoding: "utf8" }).trimEnd().split("\n");
}

test("package.json alone has the addresses, but for what `deno task docs` writes", async () => {
  const { repository } = await readProject();
  const written = ["deploy/monitoring/rules.yaml", "deploy/monitoring/rules_test.yaml"];
  assert.deepEqual(filesWith(repository), [...written, "package.json"]);
});

test("Renovate: the expressions find every place that names Deno's version", () => {
  const { customManagers } = JSON.parse(read("renovate.json"));
  const [{ managerFilePatterns, matchStrings }] = customManagers;
  // Renovate itself knows a Dockerfile's images; a test says if not_run.ts isn't as the pages are.
  const files = filesWith(denoVersion(), "Dockerfile", "*lock*", "src", "tests");
  assert.ok(files.length > 3);
  for (const file of files) {
    const matched = managerFilePatterns.some((pattern: string) =>
      new RegExp(pattern.slice(1, -1)).test(file)
    );
    assert.ok(matched, file);
    const found = [...read(file).matchAll(new RegExp(matchStrings[0], "g"))];
    assert.ok(found.length > 0, file);
    for (const { groups } of found) assert.equal(groups!["currentValue"], denoVersion());
  }
});

/** The Dockerfile's. */
function denoVersion(): string {
  return /^ARG DENO_IMAGE=\S+:debian-(\S+)$/m.exec(read("Dockerfile"))![1]!;
}

test("workflows: actions of others are pinned, and jobs have no more rights than they name", () => {
  for (const name of readdirSync(join(root, ".github/workflows"))) {
    const workflow = parse(read(`.github/workflows/${name}`));
    assert.deepEqual(workflow.permissions, { contents: "read" }, name);
    for (const job of Object.values<{ steps: { uses?: string }[] }>(workflow.jobs)) {
      for (const { uses } of job.steps) {
        if (uses !== undefined) assert.match(uses, /@[0-9a-f]{40}$/, name);
      }
    }
  }
});

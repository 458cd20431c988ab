/** What a release takes from package.json and CHANGELOG.md, and what it refuses. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { sectionOf } from "../../release/notes.ts";
import {
  ownerOf,
  readProject,
  withOwner,
  withRunbooks,
  withVersion,
} from "../../release/project.ts";

const changelog = `# Changelog

## 0.2.0, unreleased

- c

## 0.1.1, 2026-12-01

### Fixed

- b

## 0.1.0, 2026-11-27

- a
`;

test("sectionOf: a dated section without its heading, up to the next", () => {
  assert.equal(sectionOf(changelog, "0.1.1"), "### Fixed\n\n- b\n");
  assert.equal(sectionOf(changelog, "0.1.0"), "- a\n");
});

for (
  const [version, complaint] of [
    ["0.2.0", /"## 0\.2\.0, unreleased" must be "## 0\.2\.0, YYYY-MM-DD"/],
    ["0.1", /CHANGELOG\.md: no section 0\.1$/],
  ] as const
) {
  test(`sectionOf: ${version} is refused`, () => {
    assert.throws(() => sectionOf(changelog, version), complaint);
  });
}

const project = {
  version: "1.2.3",
  description: "",
  license: "",
  repository: "https://code.test/team/x",
  image: "r.test/x",
};

test("addresses and versions are those of the project, whatever they were before", () => {
  const rules =
    "a:\n  runbook_url: https://old.test/y/docs/operations.md#one\n  other: docs/operations.md\n";
  const page = "https://code.test/team/x/blob/v1.2.3/docs/operations.md";
  assert.equal(withRunbooks(rules, project), rules.replace(/https\S+md/, page));
  assert.equal(
    withVersion("images:\n  - name: x\n    newTag: 0.1.0\n", project),
    "images:\n  - name: x\n    newTag: 1.2.3\n",
  );
  assert.equal(
    withVersion("      app.kubernetes.io/version: 0.1.0\n", project),
    "      app.kubernetes.io/version: 1.2.3\n",
  );
  assert.equal(ownerOf(project), "team");
  assert.equal(
    withOwner("* @old/maintainers @old/a-b\n", project),
    "* @team/maintainers @team/a-b\n",
  );
});

for (
  const [manifest, complaint] of [
    [{ config: { image: "r.test/x" } }, /package\.json: repository undefined must be https:/],
    ...["https://code.test/x/", "https://code.test/x.git", "github:team/x"].map((repository) =>
      [{ repository, config: { image: "r.test/x" } }, /repository "\S+" must be https:/] as const
    ),
    [{ repository: "https://code.test/x" }, /package\.json: config\.image undefined must be REG/],
    ...["r.test/Team/x", "r.test/x:1", "https://r.test/x", "x"].map((image) =>
      [{ repository: "https://code.test/x", config: { image } }, /image "\S+" must be REG/] as const
    ),
  ] as const
) {
  test(`readProject: ${JSON.stringify(manifest)} is refused`, async (t) => {
    const folder = mkdtempSync(join(tmpdir(), "rolecall-project-"));
    t.after(() => rmSync(folder, { recursive: true }));
    const file = join(folder, "package.json");
    writeFileSync(file, JSON.stringify(manifest));
    await assert.rejects(readProject(pathToFileURL(file)), complaint);
  });
}

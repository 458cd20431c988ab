/** The documentation says what the program does, where that can be compared. */
import { test } from "node:test";
import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { parseAllDocuments } from "yaml";
import { commands, loadCommands } from "../../src/commands.ts";
import { configurationReference } from "../../src/settings/reference.ts";

const root = new URL("../../", import.meta.url);
const read = (path: string) => readFile(new URL(path, root), "utf8");

test("docs/configuration.md is what the flag tables say; if not: deno task docs", async () => {
  assert.equal(await read("docs/configuration.md"), configurationReference(await loadCommands()));
});

test("every command's examples begin with its name, and take flags that it has", async () => {
  for (const [name, { examples, flags }] of await loadCommands()) {
    assert.ok(examples.length > 0, `${name} has no example`);
    for (const example of examples) {
      assert.equal(example.split(" ")[0], name);
      for (const [, flag] of example.matchAll(/ --([a-z-]+)/g)) {
        assert.ok(Object.hasOwn(flags, flag!), `${name}: ${example}: no --${flag}`);
      }
    }
  }
});

async function pages(): Promise<readonly (readonly [string, string])[]> {
  const names = (await readdir(new URL("docs/", root))).filter((name) => name.endsWith(".md"));
  const paths = ["README.md", "CONTRIBUTING.md", ...names.map((name) => `docs/${name}`)];
  return await Promise.all(paths.map(async (path) => [path, await read(path)] as const));
}

test("links between pages lead somewhere, down to the heading", async () => {
  const all = new Map(await pages());
  for (const [path, text] of all) {
    const folder = new URL(path, root);
    for (const [, target] of text.matchAll(/\]\((?!https?:)([^)\s]+)\)/g)) {
      const [file = "", heading] = target!.split("#");
      const url = file === "" ? folder : new URL(file, folder);
      const found = await readFile(url, "utf8").catch((error) =>
        error.code === "EISDIR" ? "" : undefined
      );
      assert.notEqual(found, undefined, `${path}: ${target}`);
      if (heading !== undefined) {
        assert.ok(anchors(found!).has(heading), `${path}: no heading for ${target}`);
      }
    }
  }
});

test("policies, manifests and other JSON and YAML in pages can be read", async () => {
  for (const [path, text] of await pages()) {
    for (const [, kind, body] of text.matchAll(/^ *```(json|yaml)\n(.*?)^ *```/gms)) {
      const indent = /^ */.exec(body!)![0].length;
      const block = body!.split("\n").map((line) => line.slice(indent)).join("\n");
      const read = kind === "json"
        ? JSON.parse
        : (yaml: string) =>
          parseAllDocuments(yaml).flatMap(({ errors }) => errors).map((error) =>
            assert.fail(error)
          );
      assert.doesNotThrow(() => read(block), `${path}: ${block.slice(0, 80)}`);
    }
  }
});

/** As GitHub makes them. */
function anchors(markdown: string): ReadonlySet<string> {
  const headings = [...markdown.matchAll(/^#+ (.+)$/gm)].map(([, text]) => text!);
  return new Set(
    headings.map((text) =>
      text.toLowerCase().replaceAll(/[^\w\s-]/g, "").trim().replaceAll(" ", "-")
    ),
  );
}

test("flags that pages name exist", async () => {
  const known = new Set([...await loadCommands()].flatMap(([, { flags }]) => Object.keys(flags)));
  const own = (await pages()).filter(([path]) => ownFlags.has(path));
  for (const [path, text] of own) {
    for (const [, flag] of text.matchAll(/`--([a-z][a-z0-9-]+)/g)) {
      assert.ok(known.has(flag!) || foreign.has(flag!), `${path}: --${flag}`);
    }
  }
});

/** Pages that name no other program's flags. */
const ownFlags = new Set([
  "README.md",
  "docs/annotations.md",
  "docs/configuration.md",
  "docs/container-credentials.md",
  "docs/explain.md",
  "docs/getting-started.md",
  "docs/how-it-works.md",
  "docs/operations.md",
  "docs/troubleshooting.md",
]);
/** Of prose, and such as every command has. */
const foreign = new Set(["help", "some-flag"]);

test("commands that pages call exist", async () => {
  for (const [path, text] of await pages()) {
    const calls = text.matchAll(/(?:src\/main\.ts|kubectl rolecall|^\$ rolecall) ([a-z]+)/gm);
    for (const [call, name] of calls) {
      assert.ok(name === "version" || Object.hasOwn(commands, name!), `${path}: ${call}`);
    }
  }
});

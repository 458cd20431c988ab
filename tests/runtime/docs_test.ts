/** The documentation says what the program does, where that can be compared. */
import { test } from "node:test";
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { parseAllDocuments } from "yaml";
import { metricsReference } from "../../docs/metrics_reference.ts";
import { commands } from "../../src/commands.ts";
import { configurationReference } from "../../docs/configuration_reference.ts";
import { annotationKeys } from "../../src/kubernetes/objects/objects.ts";
import { fences, pages } from "../docs/command_blocks.ts";
import { knownMetrics } from "./known_metrics.ts";

const root = new URL("../../", import.meta.url);
const read = (path: string) => readFile(new URL(path, root), "utf8");

test("docs/configuration.md is what the flag tables say; if not: deno task docs", async () => {
  assert.equal(await read("docs/configuration.md"), configurationReference(commands));
});

test("docs/metrics.md is what the registries say; if not: deno task docs", async () => {
  assert.equal(await read("docs/metrics.md"), await metricsReference());
});

test("every command's examples begin with its name, and take flags that it has", () => {
  for (const [name, { examples, flags }] of Object.entries(commands)) {
    assert.ok(examples.length > 0, `${name} has no example`);
    for (const example of examples) {
      assert.equal(example.split(" ")[0], name);
      for (const [, flag] of example.matchAll(/ --([a-z-]+)/g)) {
        assert.ok(Object.hasOwn(flags, flag!), `${name}: ${example}: no --${flag}`);
      }
    }
  }
});

test("links between pages lead somewhere, down to the heading", async () => {
  const all = new Map(pages());
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

test("policies, manifests and other JSON and YAML in pages can be read", () => {
  const readers: Readonly<Record<string, (text: string) => unknown>> = {
    json: JSON.parse,
    yaml: (text) => {
      for (const { errors } of parseAllDocuments(text)) assert.deepEqual(errors, []);
    },
  };
  for (const [path, text] of pages()) {
    for (const { line, words: [language = ""], lines } of fences(text)) {
      assert.doesNotThrow(() => readers[language]?.(lines.join("\n")), `${path}:${line}`);
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

test("flags that pages name exist, and so do their variables", () => {
  const known = new Set(Object.values(commands).flatMap(({ flags }) => Object.keys(flags)));
  for (const [path, text] of prose()) {
    const others = foreignFlags[path] ?? [];
    for (const [, flag] of text.matchAll(/(?<![\w-])--([a-z][a-z0-9-]+)/g)) {
      assert.ok(known.has(flag!) || others.includes(flag!), `${path}: --${flag}`);
    }
    for (const [variable, name] of text.matchAll(/\bROLECALL_([A-Z0-9_]+)/g)) {
      const flag = name!.toLowerCase().replaceAll("_", "-");
      assert.ok(known.has(flag) || others.includes(flag), `${path}: ${variable}`);
    }
  }
});

/** Of other programs, and of prose. */
const foreignFlags: Readonly<Record<string, readonly string[]>> = {
  "CONTRIBUTING.md": ["test"],
  "docs/benchmarks.md": ["only"],
  "docs/check.md": ["depth", "omit", "prefix"],
  "docs/configuration.md": ["some-flag"],
  "docs/deploying.md": [
    "create-namespace",
    "platform",
    "target",
    "network",
    "register-with-taints",
  ],
  "docs/developing.md": ["help", "images", "keep", "part"],
  "docs/explain.md": ["global", "config"],
  "docs/getting-started.md": ["instance-id", "http-tokens", "http-put-response-hop-limit"],
  "docs/operations.md": ["instance-id", "http-tokens", "http-put-response-hop-limit"],
  "docs/performance.md": ["max-semi-space-size", "heap-growing-percent", "no-maglev", "no-lazy"],
  "docs/reliability.md": ["part", "seed", "first", "runs"],
  "docs/wire.md": ["http2"],
  "docs/web-identity.md": [
    "client-id-list",
    "content-type",
    "kube-apiserver-arg",
    "query",
    "raw",
    "url",
  ],
};

/** Pages without the blocks that tests run; the migration page has its own test. */
function prose(): (readonly [string, string])[] {
  return pages().filter(([path]) => path !== "docs/migrating.md").map(([path, text]) => [
    path,
    text.replaceAll(/^ *(?:\d\. +)?```console.*?^ *```$/gms, ""),
  ]);
}

test("metrics that pages name exist", async () => {
  const known = new Set([...(await knownMetrics()).keys()]);
  for (const [path, text] of pages()) {
    for (const [name] of text.matchAll(/\brolecall_(?:agent|server)_\w*[a-z]/g)) {
      assert.ok(known.has(name) || known.has(`${name}_bucket`), `${path}: ${name}`);
    }
  }
});

test("annotations in the pages exist, and all that exist are documented", () => {
  const { mirror: _ofTheKubelet, ...own } = annotationKeys;
  const known = new Set<string>(Object.values(own));
  const received = new Set<string>();
  for (const [path, text] of pages()) {
    for (const [key] of text.matchAll(/iam\.amazonaws\.com\/[a-z0-9-]+/g)) {
      assert.ok(known.has(key), `${path}: ${key}`);
      if (path === "docs/annotations.md") received.add(key);
    }
  }
  assert.deepEqual([...received].sort(), [...known].sort());
});

test("commands that pages call exist", () => {
  for (const [path, text] of pages()) {
    const calls = text.matchAll(/(?:src\/main\.ts|kubectl rolecall|^\$ rolecall) ([a-z]+)/gm);
    for (const [call, name] of calls) {
      assert.ok(Object.hasOwn(commands, name!), `${path}: ${call}`);
    }
  }
});

/** Our counterparts that docs/migrating.md names exist: flags, metrics, annotations. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { annotationKeys } from "../../src/kubernetes/objects/objects.ts";
import { commands } from "../../src/commands.ts";

const root = new URL("../../", import.meta.url);
const page = await readFile(new URL("docs/migrating.md", root), "utf8");

/** The right-hand column of every table whose left one is theirs. */
const ours = page.split("\n").filter((line) => line.startsWith("| "))
  .map((line) => line.split(/(?<!\\)\|/)[2] ?? "").join("\n");

test("docs/migrating.md: every flag on our side is one", () => {
  const known = new Set(Object.values(commands).flatMap(({ flags }) => Object.keys(flags)));
  const named = [...ours.matchAll(/`--([a-z][a-z0-9-]+)/g)].map(([, flag]) => flag!);
  assert.ok(named.length > 40);
  assert.deepEqual(named.filter((flag) => !known.has(flag)), []);
});

test("docs/migrating.md: every metric on our side is one", async () => {
  const sources = await Promise.all(
    ["agent/metrics", "server"].map((room) =>
      readFile(new URL(`src/${room}/metrics.ts`, root), "utf8")
    ),
  );
  const named = [...page.matchAll(/rolecall_(agent|server)_([a-z_]+)/g)];
  assert.ok(named.length > 15);
  for (const [metric, room, name] of named) {
    const source = sources[room === "agent" ? 0 : 1]!;
    assert.match(source, new RegExp(`["\`}]${name}["\`]`), metric);
  }
});

test("docs/migrating.md: every annotation on our side is one", () => {
  const keys = new Set<string>(Object.values(annotationKeys));
  const named = [...ours.matchAll(/iam\.amazonaws\.com\/[a-z0-9-]+/g)].map(([key]) => key);
  assert.deepEqual(named.filter((key) => !keys.has(key)), []);
});

/** Validates the dashboard against Grafana's own schema. */
import { test } from "node:test";
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFile } from "node:fs/promises";

const dashboard = new URL("../../deploy/monitoring/dashboard.json", import.meta.url);

test("the dashboard is valid by Grafana's schema, without unknown fields", async () => {
  const input = await readFile(dashboard, "utf8");
  const { status, stdout, stderr } = spawnSync("grafana", [], { input, encoding: "utf8" });
  assert.equal(status, 0, stderr);
  const understood = new Set(leaves(JSON.parse(stdout)));
  assert.deepEqual([...leaves(JSON.parse(input))].filter((leaf) => !understood.has(leaf)), []);
});

/** Every value with its path; what is empty says nothing. */
function* leaves(value: unknown, path = ""): Iterable<string> {
  if (typeof value !== "object" || value === null) {
    yield `${path} = ${JSON.stringify(value)}`;
    return;
  }
  for (const [key, inner] of Object.entries(value)) yield* leaves(inner, `${path}/${key}`);
}

/** Alerts and dashboard only use existing metrics, and every alert is documented. */
import { test } from "node:test";
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { parse } from "yaml";
import { readProject, runbookPage } from "../../release/project.ts";
import { knownMetrics } from "./known_metrics.ts";

const read = (path: string) => readFile(new URL(`../../${path}`, import.meta.url), "utf8");

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly annotations: Readonly<Record<string, string>>;
}

async function rules(): Promise<readonly Rule[]> {
  const { spec } = parse(await read("deploy/monitoring/rules.yaml"));
  return spec.groups.flatMap((group: { rules: Rule[] }) => group.rules);
}

async function dashboardExpressions(): Promise<string[]> {
  const { panels } = JSON.parse(await read("deploy/monitoring/dashboard.json"));
  return panels.flatMap((panel: { targets?: { expr: string }[] }) =>
    (panel.targets ?? []).map(({ expr }) => expr)
  );
}

/** Metrics of ours that an expression names, each with the labels it uses. */
function requested(expr: string): { name: string; labels: string[] }[] {
  return [...expr.matchAll(/\b(rolecall_\w+)\s*(?:\{([^}]*)\})?/g)].map((
    [, name, selector = ""],
  ) => ({
    name: name!,
    labels: [...selector.matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g)].map(([, label]) => label!),
  }));
}

for (
  const [what, expressions] of [
    ["alerts", async () => (await rules()).map(({ expr }) => expr)],
    ["dashboard", dashboardExpressions],
  ] as const
) {
  test(`${what}: every expression uses existing metrics and labels`, async () => {
    const known = await knownMetrics();
    const all = await expressions();
    assert.ok(all.length > 10);
    for (const expr of all) {
      const names = requested(expr);
      assert.ok(names.length > 0, expr);
      for (const { name, labels } of names) {
        assert.ok(known.has(name), `${name} in ${expr}`);
        for (const label of labels) assert.ok(known.get(name)!.has(label), `${label} in ${expr}`);
      }
      const there = new Set(["instance", ...names.flatMap(({ name }) => [...known.get(name)!])]);
      for (const [, labels] of expr.matchAll(/\bby \(([^)]*)\)/g)) {
        for (const label of labels!.split(/, */)) {
          assert.ok(there.has(label), `by ${label} in ${expr}`);
        }
      }
    }
  });
}

test("alerts: each says what it means, and leads to what to do", async () => {
  const operations = await read("docs/operations.md");
  for (const { alert, annotations } of await rules()) {
    assert.ok(annotations["summary"] && annotations["description"], alert);
    const page = runbookPage(await readProject());
    assert.equal(annotations["runbook_url"], `${page}#${alert.toLowerCase()}`);
    assert.ok(operations.includes(`### ${alert}\n`), `docs/operations.md: no section ${alert}`);
  }
});

test("alerts: each has been made to fire, and to keep silent", async () => {
  const tests = await read("deploy/monitoring/rules_test.yaml");
  for (const { alert } of await rules()) {
    assert.match(tests, new RegExp(`alertname: ${alert}\\n +exp_alerts:\\n`), `${alert} fires`);
    assert.match(
      tests,
      new RegExp(`alertname: ${alert}, exp_alerts: \\[\\]`),
      `${alert} is silent`,
    );
  }
});

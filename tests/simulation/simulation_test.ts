import { test } from "node:test";
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { scenarioOf } from "./faults.ts";
import { type Mutant, mutants } from "./mutant_list.ts";
import { kindOf, readScenario, type Scenario, writeScenario } from "./scenario.ts";
import { shrink } from "./shrink.ts";
import { simulate } from "./simulation.ts";

const folder = import.meta.dirname!;

test("a seed gives the same trace every time, and another seed another one", async () => {
  const run = async (seed: string) =>
    (await simulate(scenarioOf({ seed, nodes: 2, hours: 0.1 }))).trace;
  const first = await run("a");
  assert.equal(await run("a"), first);
  assert.notEqual(await run("b"), first);
});

test("clusters from fixed seeds keep every promise", async () => {
  for (const seed of ["fixed-1", "fixed-2", "fixed-3"]) {
    const scenario = scenarioOf({ seed, nodes: 2, hours: 0.25 });
    const { violations, figures } = await simulate(scenario);
    assert.deepEqual(violations, [], `deno task simulate --seed ${seed}`);
    assert.ok(figures.credentials > 100 && figures.strict > 20, JSON.stringify(figures));
  }
});

const scenarios = join(folder, "scenarios");
for (const file of readdirSync(scenarios).filter((name) => name.endsWith(".txt"))) {
  test(`scenario ${file}`, async () => {
    const scenario = readScenario(readFileSync(join(scenarios, file), "utf8"));
    assert.deepEqual((await simulate(scenario)).violations, []);
  });
}

test("a scenario's text is read as it was written", () => {
  const scenario = scenarioOf({ seed: "text", nodes: 3, hours: 0.5 });
  assert.deepEqual(readScenario(writeScenario(scenario)), scenario);
  assert.deepEqual(readScenario(`# why\n\n${writeScenario(scenario)}`), scenario);
  assert.throws(() => readScenario("cluster seed=1"), /no nodes=/);
});

test("kindOf() counts a fault with what is wrong, and its end as no fault", () => {
  const kinds = ["sts hangs", "sts well", "cut node-1 api", "mend node-1 api", "clock agent-1 0"];
  const versions = ["version server-1 older", "version server-1 this"];
  const lines = [...kinds, ...versions, "remove secret", "external-id b 2"].map((line) =>
    `1 ${line}`
  );
  const head = "cluster seed=a nodes=1 servers=1 identity=kernel sessions=plain seconds=1";
  const { steps } = readScenario([head, ...lines].join("\n"));
  assert.deepEqual(steps.map(kindOf).map(({ of, name }) => of === "end" ? of : `${of} ${name}`), [
    "fault sts hangs",
    "end",
    "fault cut",
    "end",
    "end",
    "fault version older",
    "end",
    "fault remove secret",
    "change external-id",
  ]);
});

test("shrink() leaves the steps that it takes to fail", async () => {
  const scenario = scenarioOf({ seed: "shrunk-1", nodes: 3, hours: 0.5 });
  const kills = ({ steps }: Scenario) => steps.filter(({ words }) => words[0] === "kill").length;
  assert.ok(kills(scenario) > 1);
  const fails = (smaller: Scenario) => Promise.resolve(kills(smaller) >= 2);
  const { setting, steps } = await shrink(scenario, { fails, tries: 500 });
  assert.deepEqual(steps.map(({ words }) => words[0]), ["kill", "kill"]);
  assert.ok(setting.seconds < scenario.setting.seconds);
});

test("each mutant changes lines that are there", () => {
  const times = (text: string, part: string) => text.split(part).length - 1;
  const stale = ({ file, changes }: Mutant) => {
    const text = readFileSync(join(folder, "..", "..", "src", file), "utf8");
    return changes.some(([from]) => times(text, from) !== 1);
  };
  assert.deepEqual(mutants.filter(stale).map(({ name }) => name), []);
});

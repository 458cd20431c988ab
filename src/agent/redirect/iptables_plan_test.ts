import { test } from "node:test";
import assert from "node:assert/strict";
import { readChains, readTables, removalPlan, repairPlan } from "./iptables_plan.ts";
import type { ChainRules } from "./redirect_rules.ts";

const wanted: ChainRules = {
  table: "nat",
  rules: ["-A ROLECALL -d 169.254.169.254/32 ! -i eth0 -p tcp -m tcp --dport 80 -j DNAT --to 1:2"],
  jumps: ["-A PREROUTING -j ROLECALL"],
};
const rule = wanted.rules[0];
const head = "-P PREROUTING ACCEPT\n";
const jump = "-A PREROUTING -j ROLECALL\n";
const kube = '-A PREROUTING -m comment --comment "kubernetes -j ROLECALLS" -j KUBE-SERVICES\n';

const inPlace = [
  ["as written", `${head}${jump}${kube}-N ROLECALL\n${rule}\n`],
  [
    "in another order and spelling",
    `${head}${jump}-N ROLECALL\n` +
    "-A ROLECALL ! -i eth0 -d 169.254.169.254 -p tcp --dport 80 -j DNAT --to 1:2\n",
  ],
] as const;

for (const [name, listing] of inPlace) {
  test(`repairPlan() in place ${name}: nothing to do`, () => {
    assert.equal(repairPlan(wanted, readChains(listing)), null);
  });
}

const broken = [
  ["nothing there", head, []],
  ["chain without jump", `${head}-N ROLECALL\n${rule}\n`, []],
  ["chain emptied", `${head}${jump}-N ROLECALL\n`, ["-D PREROUTING -j ROLECALL"]],
  ["jump not first", `${head}${kube}${jump}-N ROLECALL\n${rule}\n`, ["-D PREROUTING -j ROLECALL"]],
  ["jump doubled", `${head}${jump}${jump}-N ROLECALL\n${rule}\n`, [
    "-D PREROUTING -j ROLECALL",
    "-D PREROUTING -j ROLECALL",
  ]],
  ["another port", `${head}${jump}-N ROLECALL\n${rule}3\n`, ["-D PREROUTING -j ROLECALL"]],
  ["inversion lost", `${head}${jump}-N ROLECALL\n${rule?.replace("! ", "")}\n`, [
    "-D PREROUTING -j ROLECALL",
  ]],
  ["a jump of another form", `${head}-A PREROUTING -i x -j ROLECALL\n-N ROLECALL\n${rule}\n`, [
    "-D PREROUTING -i x -j ROLECALL",
  ]],
] as const;

for (const [name, listing, deletes] of broken) {
  test(`repairPlan() ${name}: repaired in one commit`, () => {
    assert.deepEqual(repairPlan(wanted, readChains(listing))?.split("\n"), [
      "*nat",
      ":ROLECALL - [0:0]",
      rule,
      ...deletes,
      "-I PREROUTING 1 -j ROLECALL",
      "COMMIT",
      "",
    ]);
  });
}

test("removalPlan() removes jumps and chain, and has nothing to do the second time", () => {
  const saved = "*nat\n:PREROUTING ACCEPT [0:0]\n:ROLECALL - [0:0]\n" + jump + kube + rule +
    "\nCOMMIT\n*filter\n:INPUT ACCEPT [0:0]\nCOMMIT\n";
  const tables = readTables(saved);
  assert.deepEqual(removalPlan("nat", tables.get("nat") ?? new Map())?.split("\n"), [
    "*nat",
    "-D PREROUTING -j ROLECALL",
    "-F ROLECALL",
    "-X ROLECALL",
    "COMMIT",
    "",
  ]);
  assert.equal(removalPlan("filter", tables.get("filter") ?? new Map()), null);
});

test("rules no longer wanted are removed, rules that were never there are not", () => {
  const none: ChainRules = { table: "nat", rules: [], jumps: [] };
  assert.equal(repairPlan(none, readChains(head + kube)), null);
  assert.match(repairPlan(none, readChains(`${head}${jump}-N ROLECALL\n`)) ?? "", /-X ROLECALL/);
});

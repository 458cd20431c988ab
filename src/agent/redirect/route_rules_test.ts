import { test } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import { readRouteRules, routePlan, routeRemoval } from "./route_rules.ts";

const to = "to 169.254.169.254";
const pass = `pref 0 ${to} iif lo goto 1 protocol 82`;
const reset = `pref 0 ${to} table 82 protocol 82`;
const refuse = `pref 0 ${to} prohibit protocol 82`;
const landing = `pref 1 ${to} iif lo nop protocol 82`;
const stopgap = `pref 1 ${to} prohibit protocol 82`;
const older = `pref 5 ${to}/31 table 9 protocol 82`;
const whole = [pass, reset, refuse, landing];

/** As iproute2 6.1 prints it. */
const listed = `[{"priority":0,"src":"all","table":"local"},
{"priority":0,"src":"all","dst":"169.254.169.254","iif":"lo","goto":1,"protocol":"82"},
{"priority":0,"src":"all","dst":"169.254.169.254","table":"82","protocol":"82"},
{"priority":0,"src":"all","dst":"169.254.169.254","action":"prohibit","protocol":"82"},
{"priority":0,"src":"10.8.0.5","table":"77"},
{"priority":1,"src":"all","dst":"169.254.169.254","iif":"lo","nop":null,"protocol":"82"},
{"priority":1,"src":"all","dst":"169.254.169.254","action":"prohibit"},
{"priority":5,"src":"all","dst":"169.254.169.254","dstlen":31,"table":"9","protocol":82},
{"priority":512,"src":"all","fwmark":"0x80","fwmask":"0x80","table":"main"},
{"priority":32766,"src":"all","table":"main"}]`;

test("readRouteRules() returns only our rules, as arguments of ip rule add", () => {
  assert.deepEqual(readRouteRules(listed), [...whole, older]);
  assert.throws(() => readRouteRules("0: from all lookup local"));
  assert.throws(() => readRouteRules('{"priority":0}'));
});

test("routePlan() is empty where all is in place", () => {
  assert.deepEqual(routePlan(4, whole), []);
});

test("routePlan() makes the jump's target first: a jump into nothing would cut off the node", () => {
  const plan = routePlan(4, []);
  assert.deepEqual(plan, [landing, pass, reset, refuse].map((rule) => `rule add ${rule}`));
  assert.match(routePlan(6, []).join(), /fd00:ec2::254/);
  assert.doesNotMatch(routePlan(6, []).join(), /169\.254/);
});

test("routeRemoval() removes the refusals first", () => {
  const removal = routeRemoval([...whole, older]);
  assert.deepEqual(
    removal,
    [reset, refuse, older, pass, landing].map((rule) => `rule del ${rule}`),
  );
  assert.deepEqual(routeRemoval([]), []);
});

/** The kernel's list after one line: by preference, then by age; doubles and absent ones ignored. */
function after(rules: readonly string[], line: string): readonly string[] {
  const rule = line.replace(/^rule (?:add|del) /, "");
  if (line.startsWith("rule del ")) return rules.filter((other) => other !== rule);
  return rules.includes(rule) ? rules : sorted([...rules, rule]);
}

function sorted(rules: readonly string[]): readonly string[] {
  const pref = (rule: string) => Number(/^pref (\d+) /.exec(rule)?.[1]);
  return [...rules].sort((a, b) => pref(a) - pref(b));
}

/** Whether the kernel finds a refusal, as it goes through rules for what comes in over `iif`. */
function refuses(rules: readonly string[], iif: "lo" | "pod"): boolean {
  for (let at = 0; at < rules.length; at++) {
    const rule = rules[at]!;
    if (rule.includes("iif lo") && iif !== "lo") continue;
    if (rule === reset || rule.includes("prohibit")) return true;
    if (rule === pass && rules.includes(landing)) at = rules.indexOf(landing);
  }
  return false;
}

const anyRules = fc.shuffledSubarray([pass, reset, refuse, landing, stopgap, older]).map(sorted);

test("whatever was there, the plan completes it, and pods once refused stay refused", () => {
  fc.assert(fc.property(anyRules, (start) => {
    let rules = start;
    for (const line of routePlan(4, start)) {
      const refused = refuses(rules, "pod");
      rules = after(rules, line);
      if (refused) assert.ok(refuses(rules, "pod"), `${line} of ${start.join("; ")}`);
    }
    assert.deepEqual(rules, whole);
    assert.deepEqual(routePlan(4, rules), []);
    assert.deepEqual([refuses(rules, "pod"), refuses(rules, "lo")], [true, false]);
  }));
});

test("installing or removing the guard never refuses the node itself, even for a moment", () => {
  let rules: readonly string[] = [];
  for (const line of [...routePlan(4, []), ...routeRemoval(whole)]) {
    rules = after(rules, line);
    assert.equal(refuses(rules, "lo"), false, line);
  }
});

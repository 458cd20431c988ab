/**
 * Which routing rules leave the way to the metadata service to the node's own traffic alone, and
 * from what `ip` says there is to the commands that make it so. Pure.
 *
 * They hold where the packet filter doesn't: while somebody flushes all of it. Redirected packets
 * carry the agent's address by the time they are routed, so no rule here is about them; whatever
 * else comes in for the metadata address is refused. What the node sends itself (the kernel has it
 * come in over `lo`) jumps past the refusal, to the rules that the node would have used anyway.
 *
 * Both lie at preference 0, where only the kernel's own `local` table comes before: a rule that is
 * added without a preference gets in front of all but those, and `ip rule flush` spares them.
 */
import * as v from "valibot";
import { type Family, metadataAddress } from "./redirect_rules.ts";

/** Marks rules as ours; no routing protocol has this number. */
const ownProtocol = "82";

const listing = v.array(v.object({
  priority: v.number(),
  dst: v.optional(v.string(), "all"),
  dstlen: v.optional(v.number()),
  iif: v.optional(v.string()),
  goto: v.optional(v.number()),
  nop: v.optional(v.null()),
  action: v.optional(v.string()),
  table: v.optional(v.string()),
  protocol: v.optional(v.union([v.string(), v.number()])),
}));

type Listed = v.InferOutput<typeof listing>[number];

/** Our rules as `ip -j rule show` lists them, in the kernel's order, in the words that make them. */
export function readRouteRules(json: string): readonly string[] {
  const rules = v.parse(listing, JSON.parse(json));
  return rules.filter(({ protocol }) => String(protocol) === ownProtocol).map(wordsOf);
}

/** Lines for `ip -force -batch`; none where all is in place. Pods are refused throughout. */
export function routePlan(family: Family, ours: readonly string[]): readonly string[] {
  const { pass, refuse, landing, stopgap } = rulesOf(family);
  const wanted = [pass, refuse, landing];
  if (wanted.length === ours.length && wanted.every((rule, at) => rule === ours[at])) return [];
  const strays = ours.filter((rule) => !wanted.includes(rule)).map(del);
  // The jump has to come first and can only be added last, so what it jumps over moves behind it.
  const shut = ours.includes(refuse) && !comesBefore(ours, pass, refuse);
  if (!shut) {
    const missing = [landing, pass, refuse].filter((rule) => !ours.includes(rule));
    return [...missing.map(add), ...strays];
  }
  const moved = [...[pass, refuse].map(del), ...[pass, refuse].map(add)];
  return [add(landing), add(stopgap), ...moved, ...new Set([...strays, del(stopgap)])];
}

/** Lines that take all of it away, the refusal first: without the jump it would meet the node too. */
export function routeRemoval(ours: readonly string[]): readonly string[] {
  const refusals = ours.filter((rule) => !/ (?:goto|nop) /.test(rule));
  return [...refusals, ...ours.filter((rule) => !refusals.includes(rule))].map(del);
}

function rulesOf(family: Family) {
  const to = metadataAddress[family];
  const rule = (pref: number, words: string) =>
    `pref ${pref} to ${to} ${words} protocol ${ownProtocol}`;
  return {
    /** Where the jump lands; what follows it is what the node itself would have met. */
    landing: rule(1, "iif lo nop"),
    pass: rule(0, "iif lo goto 1"),
    refuse: rule(0, "prohibit"),
    /** Refuses while the refusal proper is moved. */
    stopgap: rule(1, "prohibit"),
  };
}

function wordsOf(rule: Listed): string {
  const to = rule.dstlen === undefined ? rule.dst : `${rule.dst}/${rule.dstlen}`;
  const over = rule.iif === undefined ? "" : `iif ${rule.iif} `;
  return `pref ${rule.priority} to ${to} ${over}${actionOf(rule)} protocol ${ownProtocol}`;
}

function actionOf(rule: Listed): string {
  if (rule.goto !== undefined) return `goto ${rule.goto}`;
  if (rule.nop === null) return "nop";
  return rule.action ?? `table ${rule.table}`;
}

function comesBefore(rules: readonly string[], first: string, second: string): boolean {
  const at = rules.indexOf(first);
  return at >= 0 && at < rules.indexOf(second);
}

function add(rule: string): string {
  return `rule add ${rule}`;
}

function del(rule: string): string {
  return `rule del ${rule}`;
}

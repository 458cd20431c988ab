/**
 * Routing rules that keep pods off the metadata service while the packet filter is flushed: what
 * `ip` lists, and the commands that make it what it should be. Pure.
 *
 * A redirected packet carries the agent's address by the time it is routed, so no rule here matches
 * it. Any other packet for the metadata address is delivered to the node itself (table 82): while
 * only `nat` is flushed, the filter's rules answer it there with a reset, and without any filter it
 * is lost, since nothing on the node has that address. If table 82 is empty, the `prohibit` rule
 * behind it applies; on its own it would let clients hang, because the kernel limits its ICMP errors
 * to one per second and peer (icmp_ratelimit). The node's own packets (`iif lo`) jump past both.
 *
 * All lie at preference 0, right behind the kernel's `local` table: a rule added without a
 * preference goes in front of everything else, and `ip rule flush` spares preference 0.
 */
import * as v from "valibot";
import { type Family, metadataAddress } from "./redirect_rules.ts";

/** Marks rules and the route as ours; no routing protocol has this number. */
const ownProtocol = "82";
/** The routing table that delivers the metadata address to the node itself. */
export const ownTable = "82";

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

/** Our rules as `ip -j rule show` lists them, in the kernel's order, as arguments of `ip rule add`. */
export function readRouteRules(json: string): readonly string[] {
  const rules = v.parse(listing, JSON.parse(json));
  return rules.filter(({ protocol }) => String(protocol) === ownProtocol).map(wordsOf);
}

/** Lines for `ip -force -batch`; none where all is in place. Pods are refused throughout. */
export function routePlan(family: Family, ours: readonly string[]): readonly string[] {
  const { first, landing, stopgap } = rulesOf(family);
  const wanted = [...first, landing];
  if (isSame(ours, wanted)) return [];
  const strays = ours.filter((rule) => !wanted.includes(rule)).map(del);
  const present = ours.filter((rule) => first.includes(rule));
  // The kernel appends: what is missing from the end can be added, anything else must be reordered.
  if (isSame(present, first.slice(0, present.length))) {
    const missing = [landing, ...first].filter((rule) => !ours.includes(rule));
    return [...missing.map(add), ...strays];
  }
  const reordered = [...first.map(del), ...first.map(add)];
  return [add(landing), add(stopgap), ...reordered, ...new Set([...strays, del(stopgap)])];
}

/** The argument of `ip route` that delivers the metadata address to the node. */
export function ownRoute(family: Family): string {
  return `local ${metadataAddress[family]} dev lo table ${ownTable} proto ${ownProtocol}`;
}

/** Lines that remove everything, refusals first: without the jump they would hit the node too. */
export function routeRemoval(ours: readonly string[]): readonly string[] {
  const refusals = ours.filter((rule) => !/ (?:goto|nop) /.test(rule));
  return [...refusals, ...ours.filter((rule) => !refusals.includes(rule))].map(del);
}

function rulesOf(family: Family) {
  const to = metadataAddress[family];
  const rule = (pref: number, words: string) =>
    `pref ${pref} to ${to} ${words} protocol ${ownProtocol}`;
  return {
    /** In this order: the node passes, pods get a reset, and a refusal if the route is missing. */
    first: [rule(0, "iif lo goto 1"), rule(0, `table ${ownTable}`), rule(0, "prohibit")],
    /** Where the jump lands; the rules behind it are the node's own. */
    landing: rule(1, "iif lo nop"),
    /** Refuses while the others are reordered. */
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

function isSame(some: readonly string[], others: readonly string[]): boolean {
  return some.length === others.length && some.every((rule, at) => rule === others[at]);
}

function add(rule: string): string {
  return `rule add ${rule}`;
}

function del(rule: string): string {
  return `rule del ${rule}`;
}

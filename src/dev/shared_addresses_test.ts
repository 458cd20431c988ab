import { test } from "node:test";
import assert from "node:assert/strict";
import type { PodFacts } from "../policy/facts.ts";
import { devAgentPod } from "./agent_tokens.ts";
import { notAnswered } from "./shared_addresses.ts";

const agent = devAgentPod({ namespace: "rolecall", name: "rolecall-agent" });

function pod(uid: string, facts: Partial<PodFacts> = {}): PodFacts {
  return { ...agent, uid, name: uid, ips: ["127.0.0.9"], hostNetwork: false, ...facts };
}

const both = { address: "127.0.0.9", reason: "another pod claims 127.0.0.9 too" };
const older = { address: "127.0.0.9", reason: "a newer pod has 127.0.0.9" };
const later = { createdAt: "2026-02-01T00:00:00Z" };

// name, pods, not answered
const cases = [
  ["pods at addresses of their own", [pod("a"), pod("b", { ips: ["127.0.0.8"] })], {}],
  ["neither of two at one", [pod("a"), pod("b")], { a: [both], b: [both] }],
  ["neither of two of different age", [pod("a"), pod("b", later)], { a: [both], b: [both] }],
  ["a terminating one beside a newer", [pod("a", { terminating: true }), pod("b", later)], {
    a: [older],
  }],
  ["a pod beside those without a claim", [
    pod("a"),
    pod("b", { hostNetwork: true }),
    pod("c", { terminal: true }),
  ], {}],
] as const;

for (const [name, pods, expected] of cases) {
  test(`notAnswered() of ${name}`, () => {
    assert.deepEqual(Object.fromEntries(notAnswered(pods)), expected);
  });
}

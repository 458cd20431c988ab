import assert from "node:assert/strict";
import { test } from "node:test";
import { podFacts } from "../../../tests/fakes/facts.ts";
import { claimOf } from "./address_claim.ts";

const ip = "10.0.0.7";
const old = podFacts({ uid: "old", createdAt: "2026-01-01T00:00:00Z" });
const young = podFacts({ uid: "young", createdAt: "2026-01-01T00:00:09Z" });
const ending = { terminating: true };

// name, pods, which of them has it
const cases = [
  ["nobody", [], "none"],
  ["a pod with another address", [{ ...old, ips: ["10.0.0.8"] }], "none"],
  ["one pod", [old], "old"],
  ["one of a pod's two addresses", [{ ...old, ips: ["fd00::7", ip] }], "old"],
  ["a terminating pod keeps it", [{ ...old, ...ending }], "old"],
  ["a terminating pod yields to a newer one", [{ ...old, ...ending }, young], "young"],
  ["in whatever order", [young, { ...old, ...ending }], "young"],
  ["a newer terminating pod doesn't yield", [old, { ...young, ...ending }], "conflict"],
  ["of two terminating pods the newer", [{ ...old, ...ending }, { ...young, ...ending }], "young"],
  ["two live pods", [old, young], "conflict"],
  [
    "two of the same second",
    [{ ...old, ...ending }, { ...young, createdAt: old.createdAt }],
    "conflict",
  ],
  ["a terminal pod has none", [{ ...old, terminal: true }, young], "young"],
  ["a host-network pod has none", [{ ...old, hostNetwork: true }], "none"],
] as const;

for (const [name, pods, outcome] of cases) {
  test(`claimOf() ${name}: ${outcome}`, () => {
    const claim = claimOf(ip, pods);
    assert.equal(claim.kind === "pod" ? claim.pod.uid : claim.kind, outcome);
  });
}

import { test } from "node:test";
import assert from "node:assert/strict";
import { missingForReadiness } from "./readiness.ts";

const placed = { inPlace: true, lastError: null };
const followed = { problem: null, address: "10.0.1.1" };
const lost = { problem: "10.0.1.1: nothing heard for 12 s", address: null };
const answering = { everSynced: true, confirmed: true };

const cases = [
  [placed, followed, answering, ""],
  [placed, lost, answering, ""],
  [{ inPlace: false, lastError: "NET_ADMIN" }, followed, answering, "redirect: NET_ADMIN"],
  [{ inPlace: false, lastError: null }, followed, answering, "redirect: not in place yet"],
  [placed, lost, { everSynced: false, confirmed: false }, `server: ${lost.problem}`],
  [placed, lost, { everSynced: true, confirmed: false }, `server: ${lost.problem}`],
  [
    placed,
    followed,
    { everSynced: false, confirmed: false },
    "server: connected to 10.0.1.1, but its snapshot isn't complete yet",
  ],
  [
    placed,
    followed,
    { everSynced: true, confirmed: false },
    "server: connected to 10.0.1.1, but its watch of the cluster has stalled",
  ],
] as const;

for (const [redirect, link, known, expected] of cases) {
  test(`missingForReadiness(): ${expected || "ready"}`, () => {
    assert.equal(missingForReadiness(redirect, link, known).join("|"), expected);
  });
}

import { test } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import { sessionOf } from "./session_life.ts";

const now = Date.UTC(2026, 0, 1);
const minute = 60_000;
const at = (random: number) => ({ wall: now, now, random: () => random });

function credentials(lifeMs: number) {
  const expiresAt = now + lifeMs;
  return { accessKeyId: "", secretAccessKey: "", sessionToken: "", issuedAt: now, expiresAt };
}

// what, life by STS's expiry, requested seconds, minutes until: renewal, last quarter, end
const cases = [
  ["an hour", 60 * minute, 3600, 18, 45, 60],
  ["the shortest", 15 * minute, 900, 4.5, 11.25, 15],
  ["less than requested: STS's expiry counts", 20 * minute, 3600, 6, 15, 20],
  ["our clock is two hours behind", 180 * minute, 3600, 18, 45, 60],
  ["our clock is 40 minutes ahead", 20 * minute, 3600, 6, 15, 20],
] as const;

for (const [name, life, requested, renew, urgent, end] of cases) {
  test(`sessionOf() ${name}`, () => {
    const session = sessionOf(credentials(life), requested, at(0));
    assert.equal(session?.renewAt, now + renew * minute);
    assert.equal(session?.urgentAt, now + urgent * minute);
    assert.equal(session?.endsAt, now + end * minute);
  });
}

test("sessionOf() is undefined if the session has expired, or its expiry isn't a time", () => {
  for (const life of [0, -1, -2 * 3_600_000, NaN]) {
    assert.equal(sessionOf(credentials(life), 3600, at(0)), undefined);
  }
});

test("sessionOf() pauses a second between renewals of the shortest lives", () => {
  assert.equal(sessionOf(credentials(10), 3600, at(0))?.renewAt, now + 1000);
});

test("sessionOf() renews between 30 % and 45 % of the lifetime, whatever random returns", () => {
  const dice = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  fc.assert(fc.property(dice, fc.integer({ min: 900, max: 43_200 }), (random, seconds) => {
    const session = sessionOf(credentials(seconds * 1000), seconds, at(random));
    const share = ((session?.renewAt ?? 0) - now) / (seconds * 1000);
    assert.ok(share >= 0.3 && share <= 0.45, `${share}`);
  }));
});

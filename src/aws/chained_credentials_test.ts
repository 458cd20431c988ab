import { test } from "node:test";
import assert from "node:assert/strict";
import { chainedCredentials } from "./chained_credentials.ts";
import type { StsCredentials } from "./sts_answers.ts";

const hour = 3_600_000;

/** A provider on a clock and an answer that the test sets. */
function bench() {
  const world = { now: Date.UTC(2026, 0, 1), answer: (): StsCredentials => session(hour) };
  const session = (lifeMs: number): StsCredentials => ({
    accessKeyId: "ASIAFIRST",
    secretAccessKey: "secret",
    sessionToken: "token",
    issuedAt: world.now,
    expiresAt: world.now + lifeMs,
  });
  const assume = () => Promise.resolve().then(() => world.answer());
  const leftMs = async () => {
    const { expiration } = await provider();
    return (expiration?.getTime() ?? NaN) - world.now;
  };
  const provider = chainedCredentials(assume, () => world.now);
  return { world, session, provider, leftMs };
}

// STS's expiry in hours by our clock, what the SDK gets
const lives = [
  ["clocks agree", 1, 1],
  ["a short session", 0.25, 0.25],
  ["our clock is two hours behind", 3, 1],
  ["our clock is two hours ahead", -1, 1],
] as const;

for (const [name, stated, used] of lives) {
  test(`chainedCredentials() ${name}`, async () => {
    const { world, session, leftMs } = bench();
    world.answer = () => session(stated * hour);
    assert.equal(await leftMs(), used * hour);
  });
}

test("chainedCredentials() uses the old session until it expires if the renewal fails", async () => {
  const { world, provider } = bench();
  await provider();
  const failure = new Error("unreachable");
  world.answer = () => {
    throw failure;
  };
  world.now += hour - 1;
  assert.equal((await provider()).accessKeyId, "ASIAFIRST");
  world.now += 1;
  await assert.rejects(provider(), failure);
});

test("chainedCredentials() without any session passes the failure on", async () => {
  const { world, provider } = bench();
  world.answer = () => {
    throw new Error("denied");
  };
  await assert.rejects(provider(), /denied/);
});

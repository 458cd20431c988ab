/** Hostile spellings against a service that understands too much: none may reach what is closed. */
import { test } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import { replyOf } from "../../net/http_messages.ts";
import { hostileTarget } from "../../../tests/fakes/hostile_targets.ts";
import { closedReading } from "../../../tests/fakes/lenient_readings.ts";
import { fakeIncoming } from "../../../tests/fakes/incoming.ts";
import { ManualClock } from "../../../tests/fakes/manual_clock.ts";
import { fakePods, samplePods } from "../../../tests/fakes/pods.ts";
import { createImdsFront } from "./front.ts";
import { passthroughRule } from "./passthrough_rule.ts";
import { TokenKeyRing } from "../imds/token_keys.ts";

function strictFront(setting: string) {
  const reached: string[] = [];
  const { answer: front } = createImdsFront({
    pods: fakePods({ kind: "pod", pod: samplePods.ready }),
    clock: new ManualClock(),
    upstream: ({ path }) => {
      reached.push(path);
      const leak = closedReading(path);
      assert.equal(leak, undefined, `${path} read as ${leak}`);
      return Promise.resolve(replyOf(new Response("upstream")));
    },
    tokenKeys: new TokenKeyRing({ random: (bytes) => new Uint8Array(bytes) }),
    allowedHosts: [],
    passthrough: passthroughRule(setting, false),
    tokenRequired: false,
    podRate: 0,
  });
  return { front, reached };
}

const method = fc.constantFrom("GET", "GET", "GET", "HEAD", "PUT", "POST");

for (const setting of ["all", ".*"]) {
  test(`front: with --passthrough=${setting} no spelling reaches what is closed`, async () => {
    const { front, reached } = strictFront(setting);
    await fc.assert(
      fc.asyncProperty(method, hostileTarget, async (verb, text) => {
        const answer = await front(fakeIncoming({ method: verb, target: text }));
        assert.ok([200, 400, 403, 404, 405].includes(answer.status), `${answer.status}`);
      }),
      { numRuns: 4000 },
    );
    assert.ok(reached.length > 50, "the grammar has to get some requests through");
  });
}

test("front: nothing at all is passed on with --passthrough=none", async () => {
  const { front, reached } = strictFront("none");
  await fc.assert(fc.asyncProperty(hostileTarget, async (text) => {
    await front(fakeIncoming({ target: text }));
  }));
  assert.deepEqual(reached, []);
});

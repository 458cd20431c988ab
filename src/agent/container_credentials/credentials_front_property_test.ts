import { test } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import { fakeIncoming } from "../../../tests/fakes/incoming.ts";
import { ManualClock } from "../../../tests/fakes/manual_clock.ts";
import { samplePods } from "../../../tests/fakes/pods.ts";
import { createCredentialsFront } from "./front.ts";

const good = "good.pod.token";

/** Accepts one token and refuses all others. */
const { answer } = createCredentialsFront({
  pods: {
    findUid: () => ({ kind: "pod", pod: samplePods.ready }),
    waitForUid: () => assert.fail("the pod is known"),
  },
  podOfToken: (token) =>
    Promise.resolve(token === good ? { kind: "pod", uid: "uid-a" } : { kind: "refused" }),
  clock: new ManualClock(),
  addresses: [{ host: "169.254.170.23" }, { host: "fd00:ec2::23" }],
  podRate: 0,
});

const near = (...texts: string[]) =>
  fc.oneof(
    { arbitrary: fc.constantFrom(...texts), weight: 4 },
    { arbitrary: fc.string(), weight: 1 },
    {
      arbitrary: fc.tuple(fc.constantFrom(...texts), fc.string()).map((parts) => parts.join("")),
      weight: 1,
    },
  );

const requests = fc.record({
  method: near("GET", "HEAD", "POST", "PUT"),
  target: near("/v1/credentials", "/v1/%63redentials", "//v1/./credentials", "/v1/credentials?x"),
  host: near("169.254.170.23", "169.254.170.23:80", "[fd00:ec2::23]", "localhost", "10.0.0.1"),
  hosts: fc.integer({ min: 0, max: 2 }),
  token: near(good, ` ${good} `, `Bearer ${good}`, `${good}, ${good}`, "bad.pod.token", ""),
});

test("credentials front: only a good request gets credentials, any other a code and a message", async () => {
  const seen = new Set<number>();
  await fc.assert(
    fc.asyncProperty(requests, async ({ method, target, host, hosts, token }) => {
      const named = Array.from({ length: hosts }, () => ["Host", host] as const);
      const all = fakeIncoming({ method, target, headers: [["Host", ""]] });
      const headers = new Map([["host", named.map(([, value]) => value)], ["authorization", [
        token,
      ]]]);
      const { status, body } = await answer({
        ...all,
        header: (name) => headers.get(name)?.join(", "),
        headerValues: (name) => headers.get(name) ?? [],
      });
      seen.add(status);
      if (status === 200) {
        assert.equal(token.trim(), good);
        assert.equal(hosts, 1);
        assert.match(host, /^(?:169\.254\.170\.23|\[[0-9a-f:]+\])(?::\d+)?$/i);
        assert.ok(method === "GET" || method === "HEAD");
        return;
      }
      const { code, message, ...more } = JSON.parse(String(body));
      assert.ok(code.length > 0 && message.length > 0);
      assert.deepEqual(more, {});
      assert.ok(!String(body).includes(good));
    }),
    { numRuns: 2000 },
  );
  for (const status of [200, 400, 401, 403, 404, 405]) assert.ok(seen.has(status), String(status));
});

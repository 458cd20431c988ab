import assert from "node:assert/strict";
import { test } from "node:test";
import { podFacts } from "../../../tests/fakes/facts.ts";
import { jwt } from "../../../tests/fakes/jwt.ts";
import { ManualClock } from "../../../tests/fakes/manual_clock.ts";
import { keptLog } from "../../../tests/fakes/quiet_log.ts";
import { ClusterIndex } from "../cluster/cluster_index.ts";
import type { ReviewAccess, TokenVerdict } from "../ports.ts";
import { ReviewedTokens } from "./reviewed_tokens.ts";
import { statusAccess } from "./status_access.ts";

const ownPod = { namespace: "rolecall", name: "rolecall-server-x" };
const username = "system:serviceaccount:rolecall:rolecall-status";

function bearer(audience = "rolecall-status"): string {
  return `Bearer ${jwt({ aud: [audience], exp: Date.UTC(2027, 0, 1) / 1000, sub: username })}`;
}

interface World {
  readonly mode?: "auto" | "token" | "none";
  /** The server's own pod; null: outside a cluster. */
  readonly hostNetwork?: boolean | null;
  readonly verdict?: TokenVerdict;
  readonly reviewAccess?: ReviewAccess;
}

function world({ mode = "auto", hostNetwork = true, verdict, reviewAccess }: World = {}) {
  const clock = new ManualClock();
  const { log } = keptLog();
  const index = new ClusterIndex();
  if (hostNetwork !== null) index.pods.upsert(podFacts({ ...ownPod, hostNetwork }));
  const requested: string[] = [];
  const genuine: TokenVerdict = {
    kind: "authenticated",
    username,
    groups: ["system:serviceaccounts"],
    audiences: ["rolecall-status"],
    podName: null,
    podUid: null,
    nodeName: null,
  };
  const access = statusAccess({
    mode,
    ownPod: hostNetwork === null ? null : ownPod,
    index,
    tokens: new ReviewedTokens({
      reviewToken: () => Promise.resolve(verdict ?? genuine),
      clock,
      log,
      attempts: { perSecond: 5, burst: 20 },
    }),
    reviewAccess: (user) => {
      requested.push(`${user.username} ${user.groups}`);
      return reviewAccess?.(user) ?? Promise.resolve(true);
    },
    clock,
    log,
  });
  const status = async (authorization?: string) =>
    (await access(authorization, "127.0.0.1"))?.status ?? 200;
  return { access, status, requested, clock };
}

const refused: TokenVerdict = { kind: "refused", message: "expired" };

// what, world, Authorization, status
const cases = [
  ["off the host network", { hostNetwork: false }, undefined, 200],
  ["outside a cluster", { hostNetwork: null }, undefined, 200],
  ["on the host network, no token", {}, undefined, 401],
  ["on the host network, a token", {}, bearer(), 200],
  ["a token for another audience", {}, bearer("rolecall-server"), 401],
  ["a token that isn't valid", { verdict: refused }, bearer(), 401],
  ["a user without the right", { reviewAccess: () => Promise.resolve(false) }, bearer(), 403],
  ["no answer", { reviewAccess: () => Promise.reject(new Error("away")) }, bearer(), 503],
  [
    "--status-auth=token off the host network",
    { mode: "token", hostNetwork: false },
    undefined,
    401,
  ],
  ["--status-auth=none on the host network", { mode: "none" }, undefined, 200],
] as const;

for (const [name, given, authorization, status] of cases) {
  test(`statusAccess() ${name}: ${status}`, async () => {
    assert.equal(await world(given).status(authorization), status);
  });
}

test("statusAccess() until the server's own pod is listed: 503, token or not", async () => {
  const clock = new ManualClock();
  const { log } = keptLog();
  const fail = () => assert.fail("asked");
  const tokens = new ReviewedTokens({
    reviewToken: fail,
    clock,
    log,
    attempts: { perSecond: 5, burst: 20 },
  });
  const index = new ClusterIndex();
  const access = statusAccess({
    mode: "auto",
    ownPod,
    index,
    tokens,
    reviewAccess: fail,
    clock,
    log,
  });
  assert.equal((await access(bearer(), "127.0.0.1"))?.status, 503);
  index.pods.upsert(podFacts({ ...ownPod, hostNetwork: false }));
  assert.equal(await access(undefined, "127.0.0.1"), null);
});

test("statusAccess() reviews a user's access once a minute; a denial isn't cached", async () => {
  let allowed = false;
  const { status, requested, clock } = world({ reviewAccess: () => Promise.resolve(allowed) });
  assert.equal(await status(bearer()), 403);
  allowed = true;
  assert.deepEqual([await status(bearer()), await status(bearer()), requested.length], [
    200,
    200,
    2,
  ]);
  assert.equal(requested[0], `${username} system:serviceaccounts`);
  allowed = false;
  await clock.advance(60_001);
  assert.equal(await status(bearer()), 403);
});

test("statusAccess() says how to get a token", async () => {
  const refusal = await world().access(undefined, "127.0.0.1");
  assert.match(
    refusal?.message ?? "",
    /kubectl create token -n rolecall rolecall-status --audience=rolecall-status$/,
  );
});

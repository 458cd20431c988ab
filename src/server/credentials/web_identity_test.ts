import assert from "node:assert/strict";
import { test } from "node:test";
import { fakeCredentials } from "../../../tests/fakes/credential_cache.ts";
import { podFacts, roleIdentity } from "../../../tests/fakes/facts.ts";
import type { PodFacts } from "../../policy/facts.ts";
import type { AssumeRoleBy, AssumeRoleFault, RequestToken } from "../ports.ts";
import { assumeWithWebIdentity } from "./web_identity.ts";

const webIdentity = { namespace: "shop", serviceAccount: "cart", audience: "sts.amazonaws.com" };
const identity = { ...roleIdentity({ webIdentity }), webIdentity };
const never = new AbortController().signal;
const cart = (changes: Partial<PodFacts> = {}) => podFacts({ serviceAccount: "cart", ...changes });

type Answer = Awaited<ReturnType<RequestToken>> | Error;

/** Calls with these pods, all of them holders; each token request gets the next answer, the last again. */
async function call(
  pods: readonly PodFacts[],
  answers: readonly Answer[],
  fence: string | null = null,
) {
  const requested: string[] = [];
  const authenticated: (AssumeRoleBy | undefined)[] = [];
  const outcome = await assumeWithWebIdentity(
    {
      pod: (uid) => pods.find((pod) => pod.uid === uid),
      requestToken: ({ pod, namespace, serviceAccount, audience }) => {
        requested.push(`${namespace}/${serviceAccount} ${audience} ${pod.name} ${pod.uid}`);
        const answer = answers[Math.min(requested.length, answers.length) - 1]!;
        return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
      },
      assumeRole: (_, __, by) => {
        authenticated.push(by);
        return Promise.resolve(fakeCredentials("KEY", 0));
      },
      fenceProblem: () => Promise.resolve(fence),
    },
    identity,
    [...pods.map(({ uid }) => uid), "uid-gone"],
    never,
  ).catch((fault: AssumeRoleFault) => fault);
  return { requested, authenticated, outcome };
}

const token = { kind: "token", token: "t" } as const;
const gone = { kind: "gone" } as const;

test("a token bound to a pod of the ServiceAccount authenticates the call", async () => {
  const { requested, authenticated, outcome } = await call([cart()], [token]);
  assert.deepEqual(requested, ["shop/cart sts.amazonaws.com web uid-web"]);
  assert.deepEqual(authenticated, [{ webIdentityToken: "t" }]);
  assert.ok("accessKeyId" in outcome);
});

test("pods that aren't being deleted come first, and a pod that is gone makes way for the next", async () => {
  const pods = [
    cart({ uid: "a", name: "a", terminating: true }),
    cart({ uid: "b", name: "b" }),
    cart({ uid: "c", name: "c", terminal: true }),
    podFacts({ uid: "d", name: "d", serviceAccount: "other" }),
  ];
  const { requested, authenticated } = await call(pods, [gone, token]);
  assert.deepEqual(requested.map((line) => line.split(" ")[2]), ["b", "a"]);
  assert.equal(authenticated.length, 1);
});

test("no more than three pods are tried at once", async () => {
  const pods = Array.from({ length: 9 }, (_, at) => cart({ uid: `u${at}`, name: `p${at}` }));
  assert.equal((await call(pods, [gone])).requested.length, 3);
});

// name, pods, answers, the fence's problem, the fault's code, retryable, its message
const faults: readonly (readonly [
  string,
  readonly PodFacts[],
  readonly Answer[],
  string | null,
  string,
  boolean,
  RegExp,
])[] = [
  [
    "the fence is missing",
    [cart()],
    [token],
    "no policy; apply it",
    "token_refused",
    false,
    /no policy/,
  ],
  [
    "no pod is left",
    [],
    [token],
    null,
    "token_failing",
    true,
    /serviceaccount shop\/cart has no running/,
  ],
  ["the last pod ends", [cart()], [gone], null, "token_failing", true, /has no running pod/],
  [
    "a ServiceAccount that is gone",
    [cart()],
    [gone],
    null,
    "token_failing",
    true,
    /or is deleted$/,
  ],
  [
    "a namespace that takes no part",
    [cart()],
    [{ kind: "forbidden" }],
    null,
    "token_refused",
    false,
    /label namespace shop with rolecall.dev\/service-account-tokens=allowed/,
  ],
  [
    "an unreachable API server",
    [cart()],
    [new Error("secret text")],
    null,
    "token_failing",
    true,
    /^the API server gives no token of serviceaccount shop\/cart; the server tries again$/,
  ],
];

for (const [name, pods, answers, fence, code, retryable, message] of faults) {
  test(`${name}: ${code}`, async () => {
    const { authenticated, outcome } = await call(pods, answers, fence);
    assert.ok(outcome instanceof Error);
    assert.deepEqual([outcome.code, outcome.retryable], [code, retryable]);
    assert.match(outcome.message, message);
    assert.deepEqual(authenticated, [], "STS isn't called");
  });
}

import assert from "node:assert/strict";
import { test } from "node:test";
import { namespaceFacts, podFacts, serviceAccountFacts } from "../../tests/fakes/facts.ts";
import { requestedRole } from "./requested_role.ts";

// pod's, ServiceAccount's (undefined = not known), namespace's default (undefined = not known), asked
const cases = [
  ["a", "b", "c", "pod shop/web: iam.amazonaws.com/role a"],
  ["a", undefined, undefined, "pod shop/web: iam.amazonaws.com/role a"],
  [null, "b", "c", "serviceaccount shop/default: iam.amazonaws.com/role b"],
  [null, "b", undefined, "serviceaccount shop/default: iam.amazonaws.com/role b"],
  [null, null, "c", "namespace shop: iam.amazonaws.com/default-role c"],
  [null, undefined, "c", "namespace shop: iam.amazonaws.com/default-role c"],
  [null, null, null, "none"],
  [null, null, "", "none"],
  ["", "b", "c", "none"],
  ["", undefined, undefined, "none"],
  [null, "", "c", "none"],
  [null, null, undefined, "unknown"],
  [" ", "b", "c", "pod shop/web: iam.amazonaws.com/role  "],
] as const;

for (const [pod, ofAccount, ofNamespace, expected] of cases) {
  const name = [pod, ofAccount, ofNamespace].map((text) => JSON.stringify(text)).join(", ");
  test(`requested role of ${name}: ${expected}`, () => {
    const requested = requestedRole(
      podFacts({ role: pod }),
      ofNamespace === undefined ? undefined : namespaceFacts({ defaultRole: ofNamespace }),
      ofAccount === undefined ? undefined : serviceAccountFacts({ role: ofAccount }),
    );
    assert.equal(
      requested.kind === "role" ? `${requested.where} ${requested.text}` : requested.kind,
      expected,
    );
  });
}

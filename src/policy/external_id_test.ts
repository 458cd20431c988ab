import assert from "node:assert/strict";
import { test } from "node:test";
import { namespaceFacts, podFacts } from "../../tests/fakes/facts.ts";
import { externalIdProblem, ExternalIds } from "./external_id.ts";

// external ID, valid
const cases = [
  ["ab", true],
  ["_+=,.@:/-aZ09", true],
  ["x".repeat(1224), true],
  ["", false],
  ["a", false],
  ["a b", false],
  ["ab\n", false],
  ["aé", false],
  ["a\\b", false],
  ["x".repeat(1225), false],
  ["x".repeat(65_536), false],
] as const;

for (const [externalId, valid] of cases) {
  test(`external ID ${JSON.stringify(externalId.slice(0, 20))}: ${valid}`, () => {
    assert.equal(externalIdProblem(externalId) === null, valid);
  });
}

test("external ID: the problem doesn't repeat it", () => {
  assert.ok(!externalIdProblem("s3cret s3cret")?.includes("s3cret"));
});

interface Row {
  readonly template?: string;
  readonly permitted?: string;
  readonly namespace?: string;
  readonly pod?: string;
}

const full = "{cluster}/{namespace}/{serviceAccount}";
const acme = "acme/{namespace}(/.*)?";

// name, settings and annotations, the ID or the denial's reason
const rows: readonly (readonly [string, Row, string | null])[] = [
  ["none", {}, null],
  ["the pod's", { pod: "my-id" }, "my-id"],
  ["the pod's, empty", { pod: "" }, null],
  ["the pod's, too short", { pod: "x" }, "ExternalIdInvalid"],
  ["the template's", { template: full }, "c1/shop/default"],
  [
    "the template's, repeated by the pod",
    { template: full, pod: "c1/shop/default" },
    "c1/shop/default",
  ],
  ["another than the template's", { template: full, pod: "c1/bank/default" }, "ExternalIdFixed"],
  ["none instead of the template's", { template: full, pod: "" }, "ExternalIdFixed"],
  ["an invalid one beside the template's", { template: full, pod: "x" }, "ExternalIdFixed"],
  ["the namespace's", { permitted: acme, namespace: "acme/shop/1" }, "acme/shop/1"],
  [
    "the namespace's before the template's",
    { template: full, permitted: acme, namespace: "acme/shop" },
    "acme/shop",
  ],
  [
    "another than the namespace's",
    { permitted: acme, namespace: "acme/shop", pod: "acme/shop/1" },
    "ExternalIdFixed",
  ],
  ["none by the namespace", { template: full, namespace: "" }, null],
  ["the pod's where the namespace sends none", { namespace: "", pod: "my-id" }, "ExternalIdFixed"],
  ["the namespace's, too short", { permitted: acme, namespace: "x" }, "ExternalIdInvalid"],
  ["the namespace's, without expression", { namespace: "acme/shop" }, "ExternalIdNotPermitted"],
  ["another namespace's", { permitted: acme, namespace: "acme/bank" }, "ExternalIdNotPermitted"],
  [
    "one that the template gives another namespace",
    { template: full, permitted: ".*/{namespace}", namespace: "c1/bank/shop" },
    "ExternalIdNotPermitted",
  ],
  [
    "one that the template gives another's trust role",
    { template: full, permitted: "{namespace}/.*|.*/bank", namespace: "c1/bank" },
    "ExternalIdNotPermitted",
  ],
  [
    "one that the template gives its own ServiceAccount",
    { template: full, permitted: ".*/{namespace}/.*", namespace: "c1/shop/x" },
    "c1/shop/x",
  ],
  [
    "the pod's, set aside for another",
    { permitted: acme, pod: "acme/bank" },
    "ExternalIdNotPermitted",
  ],
  ["the pod's, set aside for its namespace", { permitted: acme, pod: "acme/shop" }, "acme/shop"],
];

function ids({ template = null, permitted = null, namespace, pod }: Record<string, string | null>) {
  const settings = {
    externalIdTemplate: template,
    externalIdPermitted: permitted,
    clusterName: "c1",
  };
  return new ExternalIds(settings).idsOf(
    podFacts({ externalId: pod ?? null }),
    namespaceFacts({ externalId: namespace ?? null }),
  );
}

for (const [name, row, expected] of rows) {
  test(`external ID: ${name}: ${expected}`, () => {
    const checked = ids({ ...row });
    assert.equal(checked.denial === null ? checked.value.role : checked.denial.reason, expected);
    const secrets = [row.namespace, row.pod].filter((id) => (id ?? "").length > 1);
    for (const id of secrets) {
      assert.ok(!checked.denial?.message.includes(id!), "never in a message");
    }
  });
}

// template, the ID for the namespace's trust role
const trustRoles = [
  [full, "c1/shop"],
  ["{serviceAccount}@{namespace}", "shop"],
  ["k8s:{serviceAccount}/{namespace}.x", "k8s:shop.x"],
  ["{cluster}:{serviceAccount}/{namespace}", "c1/shop"],
  ["{namespace}={cluster}", "shop=c1"],
] as const;

for (const [template, expected] of trustRoles) {
  test(`external ID for the trust role, ${template}: ${expected}`, () => {
    assert.equal(ids({ template }).value?.trustRole, expected);
  });
}

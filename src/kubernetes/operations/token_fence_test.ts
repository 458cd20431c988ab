import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { parseAllDocuments } from "yaml";
import { ApiFault } from "../client/api_fault.ts";
import { expectedExpressions, tokenFenceProblem } from "./token_fence.ts";

const username = "system:serviceaccount:rolecall:rolecall-server";
const audience = "sts.amazonaws.com";
const deployed = parseAllDocuments(
  await readFile(
    new URL("../../../deploy/kustomize/components/federated/token_policy.yaml", import.meta.url),
    "utf8",
  ),
).map((document) => document.toJS());

type Loose = Record<string, unknown>;

/** The two objects as the API server returns them, with its defaults; `change` may weaken them. */
function objects(change: (policy: Loose, binding: Loose) => void = () => {}) {
  const [policy, binding] = structuredClone(deployed);
  Object.assign(policy.spec.matchConstraints, {
    matchPolicy: "Equivalent",
    namespaceSelector: {},
    objectSelector: {},
  });
  change(policy.spec, binding.spec);
  return { policy, binding };
}

function problemOf(
  { policy, binding }: { readonly policy: unknown; readonly binding: unknown },
  changes: { readonly username?: string | null; readonly audience?: string } = {},
) {
  const api = {
    json: ({ path }: { readonly path: string }) => {
      const found = path.includes("bindings/") ? binding : policy;
      if (found !== undefined) return Promise.resolve(found);
      return Promise.reject(new ApiFault("no", { code: "api_not_found", status: 404 }));
    },
  };
  return tokenFenceProblem({ api, username, audience, ...changes });
}

test("the component's policy is in place", async () => {
  assert.equal(await problemOf(objects()), null);
});

test("the component's policy has the expressions that the server looks for", () => {
  const { condition, validations } = expectedExpressions(username, audience);
  const { spec } = deployed[0];
  assert.deepEqual(spec.matchConditions.map((one: Loose) => one["expression"]), [condition]);
  assert.deepEqual(spec.validations.map((one: Loose) => one["expression"]), validations);
});

const missing = /rolecall-service-account-tokens or its binding is missing; apply the component/;
test("a missing policy or binding", async () => {
  assert.match(`${await problemOf({ ...objects(), policy: undefined })}`, missing);
  assert.match(`${await problemOf({ ...objects(), binding: undefined })}`, missing);
});

test("another server, another audience, or none known", async () => {
  const other = "system:serviceaccount:other:rolecall-server";
  assert.match(`${await problemOf(objects(), { username: other })}`, /spec.matchConditions/);
  assert.match(`${await problemOf(objects(), { audience: "x" })}`, /lacks object.spec.audiences/);
  assert.match(`${await problemOf(objects(), { username: null })}`, /own ServiceAccount/);
});

test("an unreachable API server", async () => {
  const api = { json: () => Promise.reject(new Error("down")) };
  assert.match(`${await tokenFenceProblem({ api, username, audience })}`, /can't be read/);
});

const always = { name: "x", expression: "true" };
const rule = (policy: Loose) =>
  ((policy["matchConstraints"] as Loose)["resourceRules"] as Record<string, unknown>[])[0]!;

// name, the change, the part that the problem names
const weakenings: readonly (readonly [string, (policy: Loose, binding: Loose) => void, RegExp])[] =
  [
    ["failures let through", (policy) => policy["failurePolicy"] = "Ignore", /spec\.failurePolicy/],
    ["parameters", (policy) => policy["paramKind"] = { kind: "ConfigMap" }, /spec\.paramKind/],
    ["no operations", (policy) => rule(policy)["operations"] = ["UPDATE"], /matchConstraints/],
    ["another resource", (policy) => rule(policy)["resources"] = ["pods"], /matchConstraints/],
    ["another scope", (policy) => rule(policy)["scope"] = "Cluster", /matchConstraints/],
    ["names", (policy) => rule(policy)["resourceNames"] = ["x"], /matchConstraints/],
    [
      "no rules",
      (policy) => (policy["matchConstraints"] as Loose)["resourceRules"] = [],
      /matchConst/,
    ],
    [
      "exclusions",
      (policy) => (policy["matchConstraints"] as Loose)["excludeResourceRules"] = [{}],
      /excludeResourceRules/,
    ],
    [
      "some namespaces",
      (policy) => (policy["matchConstraints"] as Loose)["namespaceSelector"] = { matchLabels: {} },
      /namespaceSelector/,
    ],
    [
      "another condition",
      (policy) => policy["matchConditions"] = [{ name: "x", expression: "false" }],
      /matchConditions/,
    ],
    [
      "a condition more",
      (policy) => (policy["matchConditions"] as unknown[]).push(always),
      /matchConditions/,
    ],
    ["no validations", (policy) => policy["validations"] = [], /lacks object.spec.audiences/],
    [
      "a validation that always holds",
      (policy) => (policy["validations"] as unknown[])[3] = always,
      /lacks namespaceObject/,
    ],
    ["no Deny", (_, binding) => binding["validationActions"] = ["Audit"], /no Deny/],
    ["another policy", (_, binding) => binding["policyName"] = "x", /binding: spec\.policyName/],
    [
      "a binding for some namespaces",
      (_, binding) => binding["matchResources"] = { namespaceSelector: {} },
      /binding: spec\.matchResources/,
    ],
  ];

for (const [name, change, part] of weakenings) {
  test(`a weakened policy: ${name}`, async () => {
    const problem = `${await problemOf(objects(change))}`;
    assert.match(problem, part);
    assert.match(problem, /; apply the component federated as it is$/);
  });
}

test("without conditions the policy applies to everyone, so to the server too", async () => {
  assert.equal(await problemOf(objects((policy) => delete policy["matchConditions"])), null);
});

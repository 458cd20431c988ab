import assert from "node:assert/strict";
import { test } from "node:test";
import { readManifestText } from "../kubernetes/manifests/documents.ts";
import { isIamManifest, readIamManifests } from "./iam_manifests.ts";

function read(text: string) {
  const problems: string[] = [];
  const documents = readManifestText("iam.yaml", text).documents.filter(isIamManifest);
  return { problems, ...readIamManifests(documents, problems) };
}

const statement = "{ Effect: Allow, Principal: '*', Action: sts:AssumeRole }";
const role = (spec: string, kind = "Role") =>
  `apiVersion: iam.rolecall.dev/v1\nkind: ${kind}\nspec:\n${spec.replace(/^/gm, "  ")}\n---\n`;
const arn = "arn: arn:aws:iam::123456789012:role/it\n";

test("readIamManifests(): roles and policies, as YAML or JSON; other kinds are left alone", () => {
  const json = '\'{"Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}}\'';
  const got = read(
    role(`${arn}trustPolicy: { Statement: ${statement} }\npermissions: [${json}]\n`) +
      role(`arn: arn:aws:iam::aws:policy/ReadOnlyAccess\npolicy: ${json}\n`, "Policy") +
      "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: { name: x }\n",
  );
  assert.deepEqual(got.problems, []);
  assert.deepEqual(
    got.roles.map((one) => [one.arn, one.maxSessionSeconds, one.permissions?.length]),
    [
      ["arn:aws:iam::123456789012:role/it", 3600, 1],
    ],
  );
  assert.deepEqual(got.policies.map((one) => one.arn), ["arn:aws:iam::aws:policy/ReadOnlyAccess"]);
});

const trusted = (text: string) => role(`${arn}trustPolicy: { Statement: ${text} }`);

// the document, its problem
const wrong = [
  [role("x: 1"), "iam.yaml: document 1, line 4: spec.arn is missing: expected "],
  [role("arn: reader"), 'spec.arn is "reader": expected the ARN of a role'],
  [
    role(arn + "trustPolicy: '{'"),
    "spec.trustPolicy is not a JSON object with Version and Statement",
  ],
  [
    role(`${arn}trustPolicy: { Statement: ${statement} }\nmaxSessionDuration: 900`),
    "maxSessionDuration",
  ],
  [role(arn, "User"), "line 2: kind is User: expected Role or Policy"],
  [trusted("{ Effect: Allow, Principal: '*' }"), "Statement[0] needs either Action or NotAction"],
  [trusted("{ Effect: Allow, Action: '*' }"), "Statement[0] needs Principal"],
  [trusted(`{ Effect: Allow, Principal: '*', Action: '*', Resource: '*' }`), "has Resource"],
  [
    trusted(
      "{ Effect: Allow, Principal: { AWS: 'arn:aws:iam::123456789012:role/*' }, Action: '*' }",
    ),
    "IAM allows no wildcards there",
  ],
  [
    trusted("{ Effect: Allow, Principal: '*', Action: '*', Condition: { StringEqual: { a: b } } }"),
    "has condition operator StringEqual, which is not supported here or does not exist",
  ],
  [
    trusted("{ Effect: Allow, Principal: '*', Action: '*', Condition: { IpAddress: { a: b } } }"),
    "has condition operator IpAddress",
  ],
  [trusted(statement) + trusted(statement), "role/it is described twice"],
] as const;

for (const [text, problem] of wrong) {
  test(`readIamManifests(): ${problem}`, () => {
    const { problems } = read(text);
    assert.equal(problems.length, 1, problems.join("\n"));
    assert.ok(problems[0]?.includes(problem), `${problems}`);
  });
}

/**
 * IAM roles and managed policies written as manifests of our own kind, so that trust policies can be
 * tried without an AWS account. docs/developing.md describes the fields.
 */
import * as v from "valibot";
import { parsePolicy, type PolicyDocument, type PolicyKind } from "../iam/policy_document.ts";
import type { ManifestDocument } from "../kubernetes/manifests/documents.ts";
import type { IamDocuments, IamPolicy, IamRole } from "./sts/iam.ts";

const apiVersion = "iam.rolecall.dev/v1";

const policyText = v.union([v.string(), v.record(v.string(), v.unknown())]);
const roleSpec = v.strictObject({
  arn: v.pipe(v.string(), v.regex(/^arn:[a-z-]+:iam::\d{12}:role\/[!-~]+$/, "the ARN of a role")),
  trustPolicy: policyText,
  permissions: v.optional(v.array(policyText)),
  maxSessionDuration: v.optional(
    v.pipe(v.number(), v.integer(), v.minValue(3600), v.maxValue(43_200)),
    3600,
  ),
  tags: v.optional(v.record(v.string(), v.string()), {}),
});
const policySpec = v.strictObject({
  arn: v.pipe(
    v.string(),
    v.regex(/^arn:[a-z-]+:iam::(?:aws|\d{12}):policy\/[!-~]+$/, "the ARN of a policy"),
  ),
  policy: policyText,
});

const expectedKind = "expected Role or Policy";

/** Whether a document is one of these. */
export function isIamManifest({ fields }: Pick<ManifestDocument, "fields">): boolean {
  return fields.apiVersion === apiVersion;
}

/** Reads the documents, adding a line to `problems` for each that can't be used. */
export function readIamManifests(
  documents: readonly ManifestDocument[],
  problems: string[],
): IamDocuments {
  const roles: IamRole[] = [];
  const policies: IamPolicy[] = [];
  for (const document of documents) {
    if (document.kind === "Role") roles.push(...readRole(document, problems));
    else if (document.kind === "Policy") policies.push(...readPolicy(document, problems));
    else problems.push(`${document.place(["kind"])}: kind is ${document.kind}: ${expectedKind}`);
  }
  const arns = [...roles, ...policies].map(({ arn }) => arn);
  const twice = arns.find((arn, index) => arns.indexOf(arn) !== index);
  if (twice !== undefined) {
    problems.push(`${twice} is described twice; remove one of the documents`);
  }
  return { roles, policies };
}

function readRole(document: ManifestDocument, problems: string[]): IamRole[] {
  const spec = specOf(roleSpec, document, problems);
  if (spec === null) return [];
  const read = (written: unknown, kind: PolicyKind, field: string) =>
    readDocument(document, { written, kind, field }, problems);
  const trust = read(spec.trustPolicy, "trust", "trustPolicy");
  const permissions = spec.permissions?.map((one) => read(one, "permissions", "permissions"));
  if (trust === null || permissions?.includes(null)) return [];
  return [{
    arn: spec.arn,
    trust,
    permissions: permissions?.filter((one) => one !== null) ?? null,
    maxSessionSeconds: spec.maxSessionDuration,
    tags: spec.tags,
  }];
}

function readPolicy(document: ManifestDocument, problems: string[]): IamPolicy[] {
  const spec = specOf(policySpec, document, problems);
  if (spec === null) return [];
  const written = { written: spec.policy, kind: "permissions", field: "policy" } as const;
  const policy = readDocument(document, written, problems);
  return policy === null ? [] : [{ arn: spec.arn, policy }];
}

function specOf<T extends v.GenericSchema>(
  schema: T,
  document: ManifestDocument,
  problems: string[],
): v.InferOutput<T> | null {
  const parsed = v.safeParse(schema, document.fields.spec ?? {});
  if (parsed.success) return parsed.output;
  const [issue] = parsed.issues;
  const path = ["spec", ...(v.getDotPath(issue)?.split(".") ?? [])];
  const expected = issue.type === "regex" ? issue.message : issue.expected ?? "nothing there";
  const found = issue.received === "undefined" ? "missing" : issue.received;
  problems.push(`${document.place(path)}: ${path.join(".")} is ${found}: expected ${expected}`);
  return null;
}

function readDocument(
  document: ManifestDocument,
  { written, kind, field }: { written: unknown; kind: PolicyKind; field: string },
  problems: string[],
): PolicyDocument | null {
  const parsed = parsePolicy(written, kind);
  if (parsed.kind === "policy") return parsed.policy;
  problems.push(`${document.place(["spec", field])}: spec.${field} ${parsed.problem}`);
  return null;
}

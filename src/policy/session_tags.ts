/** Session tags and the source identity: the operator's templates, filled in for a pod. */
import { type Checked, denial, passed, quoted } from "./denial_text.ts";
import type { Denial, PodFacts, SessionTagTemplate } from "./facts.ts";
import { podName } from "./requested_role.ts";
import { fillIn, templateParts, templateProblem, type TemplateValues } from "./template.ts";

type Tag = readonly [key: string, value: string];

/** The keys of EKS Pod Identity, so that the same IAM policies work with both. */
export const eksTags: readonly SessionTagTemplate[] = [
  { key: "kubernetes-namespace", template: "{namespace}" },
  { key: "kubernetes-service-account", template: "{serviceAccount}" },
  { key: "kubernetes-pod-name", template: "{pod}" },
  { key: "kubernetes-pod-uid", template: "{uid}" },
  { key: "eks-cluster-name", template: "{cluster}" },
];

/** AssumeRole's limits for Tags and SourceIdentity. */
const maxTags = 50;
const maxValue = 256;
const maxSourceIdentity = 64;
const tagCharacters = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u;
const sourceIdentity = /^[A-Za-z0-9_+=,.@-]{2,64}$/;

/**
 * What is wrong with the operator's tags, or null. STS compares keys regardless of case and reserves
 * those that begin with `aws:`.
 */
export function sessionTagsProblem(
  tags: readonly SessionTagTemplate[],
  clusterName: string | null,
): string | null {
  if (tags.length > maxTags) return `has ${tags.length} tags, and STS accepts ${maxTags}`;
  for (const { key, template } of tags) {
    const problem = keyProblem(key) ?? valueProblem(template, clusterName);
    if (problem !== null) return `has ${quoted(key, 60)}: ${problem}`;
  }
  const keys = tags.map(({ key }) => key.toLowerCase());
  const twice = keys.find((key, at) => keys.indexOf(key) !== at);
  return twice === undefined
    ? null
    : `has ${quoted(twice, 60)} twice; keys must differ in more than case`;
}

function keyProblem(key: string): string | null {
  if (key === "" || key.length > 128) return "a key has 1 to 128 characters";
  if (/^aws:/i.test(key)) return "keys with aws: are reserved";
  return tagCharacters.test(key) ? null : "the key contains a character that STS doesn't accept";
}

function valueProblem(template: string, clusterName: string | null): string | null {
  if (eksTags.some((one) => one.template === template)) return null;
  const problem = templateProblem(template, clusterName);
  if (problem !== null) return `the template ${problem}`;
  const text = fixedText(template, clusterName);
  if (text.length > maxValue) return `the template gives more than ${maxValue} characters`;
  return tagCharacters.test(text)
    ? null
    : "the template contains a character that STS doesn't accept";
}

/** What a template gives every pod. */
function fixedText(template: string, clusterName: string | null): string {
  return templateParts(template).map((part) =>
    "text" in part ? part.text : part.placeholder === "cluster" ? clusterName ?? "" : ""
  ).join("");
}

/** Values that don't fit are a denial: shortened, two pods' values could become equal. */
export function sessionTags(
  templates: readonly SessionTagTemplate[],
  values: TemplateValues,
  pod: PodFacts,
): Checked<readonly Tag[]> {
  const tags = templates.map(({ key, template }): Tag => [key, fillIn(template, values)]);
  const wrong = tags.find(([, value]) => value.length > maxValue || !tagCharacters.test(value));
  return wrong === undefined ? passed(tags) : { denial: tagInvalid(pod, wrong[0]) };
}

function tagInvalid(pod: PodFacts, key: string): Denial {
  const found = `${podName(pod)}: session tag ${quoted(key, 60)} is not one that STS accepts`;
  const expected = "at most 256 of letters, digits, spaces and _.:/=+-@";
  return denial(
    "SessionTagsInvalid",
    `${found} (${expected}); change its template or the name in it`,
  );
}

/** What is wrong with a template of source identities, or null. */
export function sourceIdentityProblem(template: string, clusterName: string | null): string | null {
  const problem = templateProblem(template, clusterName);
  if (problem !== null) return problem;
  const text = fixedText(template, clusterName);
  if (/^aws:/i.test(text)) return "begins with aws:, which is reserved";
  if (text.length > maxSourceIdentity) return `gives more than ${maxSourceIdentity} characters`;
  return /^[A-Za-z0-9_+=,.@-]*$/.test(text) ? null : "contains a character that STS doesn't accept";
}

/** Null without a template. Like a tag, it is never shortened. */
export function sourceIdentityOf(
  template: string | null,
  values: TemplateValues,
  pod: PodFacts,
): Checked<string | null> {
  if (template === null) return passed(null);
  const identity = fillIn(template, values);
  if (sourceIdentity.test(identity)) return passed(identity);
  const found = `${podName(pod)}: the source identity is not one that STS accepts`;
  const expected = "2 to 64 of letters, digits and _+=,.@-";
  const remedy = "change --source-identity or the name in it";
  return { denial: denial("SourceIdentityInvalid", `${found} (${expected}); ${remedy}`) };
}

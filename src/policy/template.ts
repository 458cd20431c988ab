/**
 * The templates of session names, tags, source identities and external IDs: text with placeholders
 * such as `{namespace}`.
 */

/** The value of each placeholder. */
export interface TemplateValues {
  readonly namespace: string;
  readonly serviceAccount: string;
  readonly pod: string;
  /** Empty if the cluster has no name. */
  readonly cluster: string;
  /** The role's name without path. */
  readonly role: string;
  /** The pod's; for EKS's tags only. */
  readonly uid: string;
}

/** What an operator may write. */
type Placeholder = Exclude<keyof TemplateValues, "uid">;

/** A template's pieces, in order. */
type TemplatePart = { readonly text: string } | { readonly placeholder: string };

const placeholder = /\{([A-Za-z]*)\}/g;
const everyPlaceholder: readonly Placeholder[] = [
  "namespace",
  "serviceAccount",
  "pod",
  "cluster",
  "role",
];

export function templateParts(template: string): TemplatePart[] {
  const parts: TemplatePart[] = [];
  let end = 0;
  for (const match of template.matchAll(placeholder)) {
    if (match.index > end) parts.push({ text: template.slice(end, match.index) });
    parts.push({ placeholder: match[1] ?? "" });
    end = match.index + match[0].length;
  }
  if (end < template.length) parts.push({ text: template.slice(end) });
  return parts;
}

export function fillIn(template: string, values: TemplateValues): string {
  return template.replace(placeholder, (whole, name: string) => {
    return Object.hasOwn(values, name) ? values[name as keyof TemplateValues] : whole;
  });
}

/** What is wrong with a template, or null: it is empty, or has a placeholder without a value. */
export function templateProblem(
  template: string,
  clusterName: string | null,
  known: readonly Placeholder[] = everyPlaceholder,
): string | null {
  if (template.trim() === "") return "is empty";
  const names = templateParts(template).flatMap((part) =>
    "placeholder" in part ? [part.placeholder] : []
  );
  const unknown = names.find((name) => !(known as readonly string[]).includes(name));
  if (unknown !== undefined) {
    return `has {${unknown}}; valid placeholders: ${listOf(known)}`;
  }
  const texts = templateParts(template).map((part) => "text" in part ? part.text : "");
  if (/[{}]/.test(texts.join(""))) {
    return `has a { or } that isn't a placeholder's; valid placeholders: ${listOf(known)}`;
  }
  if (names.includes("cluster") && clusterName === null) {
    return "has {cluster}, which needs --cluster-name";
  }
  return null;
}

function listOf(names: readonly Placeholder[]): string {
  return names.map((name) => `{${name}}`).join(", ");
}

/**
 * Whether some two different sets of values could give the same text: two placeholders with nothing
 * between them that neither of their values can contain. No Kubernetes name has one of `separators`.
 */
export function isAmbiguous(template: string, separators: RegExp): boolean {
  let separated = true;
  for (const part of templateParts(template)) {
    if ("text" in part) separated ||= separators.test(part.text);
    else if (!separated) return true;
    else separated = false;
  }
  return false;
}

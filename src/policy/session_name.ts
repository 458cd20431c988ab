/**
 * The name a role session carries in CloudTrail: the pod's annotation, or the operator's template
 * filled in. The same facts give the same name, so it stays across renewals.
 */

/** What a template's placeholders stand for. */
export interface SessionNameValues {
  readonly namespace: string;
  readonly serviceAccount: string;
  readonly pod: string;
  /** Empty where the cluster has no name. */
  readonly cluster: string;
  /** The role's name without path. */
  readonly role: string;
}

const placeholder = /\{([A-Za-z]*)\}/g;
const known = ["namespace", "serviceAccount", "pod", "cluster", "role"] as const;

/**
 * A valid session name for every text: what `RoleSessionName` of AssumeRole doesn't take
 * (`[\w+=,.@-]{2,64}`) becomes `-`, the rest beyond 64 is cut, fewer than 2 are filled up with `-`.
 */
export function sanitisedSessionName(text: string): string {
  return text.slice(0, 64).replace(/[^A-Za-z0-9_+=,.@-]/g, "-").padEnd(2, "-");
}

/** The annotation's name, or the template's where there is no annotation or an empty one, as in kiam. */
export function sessionName(
  annotation: string | null,
  template: string,
  values: SessionNameValues,
): string {
  if (annotation !== null && annotation !== "") return sanitisedSessionName(annotation);
  return sanitisedSessionName(filledIn(template, values));
}

/** What is wrong with a template, or null: an unknown placeholder, no text, a cluster without name. */
export function sessionNameTemplateProblem(
  template: string,
  clusterName: string | null,
): string | null {
  if (template.trim() === "") return "is empty";
  const names = Array.from(template.matchAll(placeholder), (match) => match[1] ?? "");
  const unknown = names.find((name) => !isKnown(name));
  if (unknown !== undefined) {
    return `has {${unknown}}; known are ${known.map((name) => `{${name}}`).join(", ")}`;
  }
  if (names.includes("cluster") && clusterName === null) return "has {cluster}, which has no name";
  return null;
}

function filledIn(template: string, values: SessionNameValues): string {
  return template.replace(placeholder, (whole, name: string) => {
    return isKnown(name) ? values[name] : whole;
  });
}

function isKnown(name: string): name is keyof SessionNameValues {
  return (known as readonly string[]).includes(name);
}

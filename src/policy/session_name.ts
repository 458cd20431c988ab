/**
 * The session name that CloudTrail shows: the pod's annotation, or else the operator's template. It
 * depends on the facts alone, so it stays the same across renewals.
 */

/** Values of a template's placeholders. */
interface SessionNameValues {
  readonly namespace: string;
  readonly serviceAccount: string;
  readonly pod: string;
  /** Empty if the cluster has no name. */
  readonly cluster: string;
  /** The role's name without path. */
  readonly role: string;
}

const placeholder = /\{([A-Za-z]*)\}/g;
const known = ["namespace", "serviceAccount", "pod", "cluster", "role"] as const;

/**
 * A valid `RoleSessionName` (`[\w+=,.@-]{2,64}`) for any text: other characters become `-`, what is
 * beyond 64 is cut, and a shorter one is padded with `-`.
 */
export function sanitisedSessionName(text: string): string {
  return text.slice(0, 64).replace(/[^A-Za-z0-9_+=,.@-]/g, "-").padEnd(2, "-");
}

/** From the annotation; from the template if that is absent or empty, as in kiam. */
export function sessionName(
  annotation: string | null,
  template: string,
  values: SessionNameValues,
): string {
  if (annotation !== null && annotation !== "") return sanitisedSessionName(annotation);
  return sanitisedSessionName(filledIn(template, values));
}

/** What is wrong with a template, or null: it is empty, or has a placeholder without a value. */
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
  if (names.includes("cluster") && clusterName === null) {
    return "has {cluster}, which needs --cluster-name";
  }
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

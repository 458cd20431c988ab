/**
 * kube2iam's `allowed-roles`: a JSON list of globs for role ARNs, with kube2iam's own semantics
 * (jtblin/kube2iam mappings/mapper.go, ryanuber/go-glob).
 */
import * as v from "valibot";

export type AllowedRoles =
  | { readonly kind: "empty" }
  | { readonly kind: "invalid"; readonly problem: string }
  | { readonly kind: "globs"; readonly globs: readonly string[] };

const maxCharacters = 16_384;
const list = v.pipe(v.string(), v.parseJson(), v.array(v.string()));

/** The globs as written. Never throws. */
export function parseAllowedRoles(text: string): AllowedRoles {
  if (text === "") return { kind: "empty" };
  if (text.length > maxCharacters) {
    return { kind: "invalid", problem: `is longer than ${maxCharacters} characters` };
  }
  const parsed = v.safeParse(list, text);
  if (!parsed.success) return { kind: "invalid", problem: "is not a JSON list of strings" };
  if (parsed.output.length === 0) return { kind: "empty" };
  return { kind: "globs", globs: parsed.output };
}

/**
 * Whether one of the globs matches the ARN. A glob without `arn:` gets the base as its prefix; if no
 * base is known, it matches nothing.
 */
export function allows(globs: readonly string[], arn: string, baseArn: string | null): boolean {
  return globs.some((glob) => {
    if (/^arn:/i.test(glob)) return globMatches(glob, arn);
    return baseArn !== null && globMatches(baseArn + glob, arn);
  });
}

/** `*` matches any text, including slashes; everything else matches literally. */
export function globMatches(glob: string, text: string): boolean {
  const [first = "", ...others] = glob.split("*");
  const last = others.pop();
  if (last === undefined) return glob === text;
  if (!text.startsWith(first)) return false;
  let from = first.length;
  for (const part of others) {
    const at = text.indexOf(part, from);
    if (at < 0) return false;
    from = at + part.length;
  }
  return text.length - last.length >= from && text.endsWith(last);
}

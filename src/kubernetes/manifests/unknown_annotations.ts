/** Annotation keys that nothing reads: misspelt ones, and those that belong on another kind of object. */
import { annotationKeys } from "../objects/objects.ts";
import { annotationPrefix } from "./objects.ts";

/** The kinds that each annotation is read on; pod templates count as Pods. */
const readOn: Readonly<Record<Exclude<keyof typeof annotationKeys, "mirror">, readonly string[]>> =
  {
    role: ["Pod", "ServiceAccount"],
    sessionName: ["Pod"],
    externalId: ["Pod", "Namespace"],
    sessionDuration: ["Pod"],
    permitted: ["Namespace"],
    defaultRole: ["Namespace"],
    imdsv2: ["Namespace"],
    allowedRoles: ["Namespace"],
    assumeRole: ["Namespace"],
    sessionPolicy: ["Namespace"],
    assumeWith: ["Namespace"],
    sessionPolicyArns: ["Pod", "ServiceAccount", "Namespace"],
  };
const kindsByKey = new Map(
  Object.entries(readOn).map((
    [name, kinds],
  ) => [annotationKeys[name as keyof typeof readOn], kinds]),
);
const known = [...kindsByKey.keys()];

/** What is wrong with a key on this kind of object; null if nothing, or if it isn't one of ours. */
export function keyProblem(key: string, kind: string): string | null {
  const kinds = kindsByKey.get(key as (typeof known)[number]);
  if (kinds?.includes(kind)) return null;
  if (kinds !== undefined) return `${key} has no effect on a ${kind}; it is read on ${list(kinds)}`;
  const meant = known.find((one) => isNear(key, one));
  if (meant !== undefined) return `${key} is unknown; did you mean ${meant}?`;
  return key.startsWith(annotationPrefix) ? `${key} is unknown; see the list of annotations` : null;
}

/** A slip in the name, another prefix of AWS's (`iam.amazon.com/role`), another case, `_` for `-`. */
function isNear(key: string, meant: string): boolean {
  if (key.startsWith(annotationPrefix) && isSlip(key, meant)) return true;
  const [prefix = "", name = ""] = key.toLowerCase().replaceAll("_", "-").split("/");
  const meantName = meant.slice(annotationPrefix.length);
  return /^iam\.|amazon|aws/.test(prefix) && !prefix.startsWith("eks.") &&
    name.replace(/s$/, "") === meantName.replace(/s$/, "");
}

/** The two differ in at most two neighbouring letters: one missing, doubled, wrong or swapped. */
function isSlip(key: string, meant: string): boolean {
  const shorter = Math.min(key.length, meant.length);
  let before = 0;
  while (before < shorter && key[before] === meant[before]) before++;
  let after = 0;
  while (after < shorter - before && key.at(-1 - after) === meant.at(-1 - after)) after++;
  return Math.max(key.length, meant.length) - before - after <= 2;
}

function list(kinds: readonly string[]): string {
  return kinds.map((kind) => `${kind}s`).join(" and ");
}

/**
 * Which role a written name means: an ARN as it is, anything else below the base that the operator
 * set or the server's own account gives.
 */
import { parseRoleArn, type RoleArn, splitArn } from "./role_arn.ts";

/** What stands before a role's name: `arn:PARTITION:iam::ACCOUNT:role` and a path with its slash. */
export interface RoleBase {
  readonly partition: string;
  readonly account: string;
  readonly path: string;
}

export type ParsedRoleBase =
  | { readonly kind: "base"; readonly base: RoleBase }
  | { readonly kind: "malformed"; readonly expected: string };

export type ResolvedRole =
  | { readonly kind: "role"; readonly role: RoleArn }
  | { readonly kind: "base_unknown" }
  | { readonly kind: "malformed"; readonly expected: string };

const expectedBase =
  "arn:PARTITION:iam::ACCOUNT:role/ with an optional path, such as arn:aws:iam::111122223333:role/team/";

/** The base in a setting such as `arn:aws:iam::111122223333:role/`; its last slash may be left out. */
export function parseRoleBaseArn(text: string): ParsedRoleBase {
  if (text.length > 2048 || !isBase(text)) return { kind: "malformed", expected: expectedBase };
  const parts = splitArn(text);
  if (parts === null) return { kind: "malformed", expected: expectedBase };
  const path = parts.resource.slice("role".length);
  const { partition, account } = parts;
  return {
    kind: "base",
    base: { partition, account, path: path.endsWith("/") ? path : path + "/" },
  };
}

/** The inverse of {@link parseRoleBaseArn}, with the last slash. */
export function formatRoleBaseArn(base: RoleBase): string {
  return `arn:${base.partition}:iam::${base.account}:role${base.path}`;
}

/**
 * The role that `text` names. `arn:` at its start, in any case of letters, means a whole ARN; other
 * texts lose one leading slash and go behind the base. The result obeys IAM's rules as a whole.
 */
export function resolveRole(text: string, base: RoleBase | null): ResolvedRole {
  if (/^arn:/i.test(text)) return parseRoleArn(text);
  if (text === "") return { kind: "malformed", expected: "a role has a name" };
  const name = text.startsWith("/") ? text.slice(1) : text;
  if (base !== null) return parseRoleArn(formatRoleBaseArn(base) + name);
  // Faults of the name are told even then: a base would not mend them.
  const parsed = parseRoleArn("arn:aws:iam::000000000000:role/" + name);
  return parsed.kind === "role" ? { kind: "base_unknown" } : parsed;
}

/** `reader` or `team/reader`: path and name without the leading slash. */
export function pathAndName(role: RoleArn): string {
  return role.path.slice(1) + role.name;
}

function isBase(text: string): boolean {
  const withSlash = text.endsWith("/") ? text : text + "/";
  return parseRoleArn(withSlash + "x").kind === "role";
}

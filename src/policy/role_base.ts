/**
 * Resolves a role as written: an ARN is used as is, anything else is relative to the base, which the
 * operator sets or which follows from the server's own account.
 */
import { parseRoleArn, type RoleArn, splitArn } from "./role_arn.ts";

/** The prefix for role names: `arn:PARTITION:iam::ACCOUNT:role` and a path with its slash. */
export interface RoleBase {
  readonly partition: string;
  readonly account: string;
  readonly path: string;
}

type ParsedRoleBase =
  | { readonly kind: "base"; readonly base: RoleBase }
  | { readonly kind: "malformed"; readonly expected: string };

export type ResolvedRole =
  | { readonly kind: "role"; readonly role: RoleArn }
  | { readonly kind: "base_unknown" }
  | { readonly kind: "malformed"; readonly expected: string };

const expectedBase =
  "arn:PARTITION:iam::ACCOUNT:role/ with an optional path, such as arn:aws:iam::111122223333:role/team/";

/** Parses a setting such as `arn:aws:iam::111122223333:role/`; the last slash is optional. */
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
 * The role that `text` names. A text that starts with `arn:`, in any letter case, is an ARN; any other
 * text is appended to the base without its first slash. The result is a valid ARN as a whole.
 */
export function resolveRole(text: string, base: RoleBase | null): ResolvedRole {
  if (/^arn:/i.test(text)) return parseRoleArn(text);
  if (text === "") return { kind: "malformed", expected: "the name is missing" };
  const name = text.startsWith("/") ? text.slice(1) : text;
  if (base !== null) return parseRoleArn(formatRoleBaseArn(base) + name);
  // Report a malformed name even without a base, which wouldn't fix it.
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

/** The words for a role that a namespace doesn't permit: what stands there, and what to change. */
import { denial, quoted, shown } from "./denial_text.ts";
import type { Denial, NamespaceFacts } from "./facts.ts";
import { namespaceName } from "./requested_role.ts";

const permittedKey = "iam.amazonaws.com/permitted";
const allowedKey = "iam.amazonaws.com/allowed-roles";

/** Neither annotation permits anything: absent or empty. */
export function nothingPermitted(
  namespace: NamespaceFacts,
  arn: string,
  allowedRoles: string | null,
): Denial {
  const { name, permitted } = namespace;
  const remedy = `set it to an expression that matches the whole of ${shown(arn, 200)}`;
  const where = `${namespaceName(name)}: ${permittedKey}`;
  if (permitted !== null) return denial("PermittedEmpty", `${where} is empty; ${remedy}`);
  if (allowedRoles === null) return denial("PermittedAbsent", `${where} is missing; ${remedy}`);
  const glob = `add a glob for ${shown(arn, 200)}`;
  return denial("PermittedEmpty", `${namespaceName(name)}: ${allowedKey} is empty; ${glob}`);
}

/** The expression is good and matches another role than this. */
export function outsideExpression(namespace: NamespaceFacts, arn: string, setting: string): Denial {
  const text = quoted(namespace.permitted ?? "", 110);
  const found = `${permittedKey} ${text} does not match the whole of ${shown(arn, 140)}`;
  const remedy = `change the expression, or ${setting}`;
  return denial("NotPermitted", `${namespaceName(namespace.name)}: ${found}; ${remedy}`);
}

/** The list is good and has no glob for this role. */
export function outsideList(namespace: NamespaceFacts, arn: string, setting: string): Denial {
  const text = quoted(namespace.allowedRoles ?? "", 110);
  const found = `${allowedKey} ${text} holds no glob for ${shown(arn, 140)}`;
  const remedy = `change the list, or ${setting}`;
  return denial("NotPermitted", `${namespaceName(namespace.name)}: ${found}; ${remedy}`);
}

/** The expression can't be used at all. */
export function brokenExpression(namespace: NamespaceFacts, problem: string): Denial {
  const found = `${permittedKey} ${quoted(namespace.permitted ?? "", 110)} ${problem}`;
  const remedy = "write an RE2 expression for role ARNs, until then nothing is permitted";
  return denial("PermittedInvalid", `${namespaceName(namespace.name)}: ${found}; ${remedy}`);
}

/** The list can't be used at all. */
export function brokenList(namespace: NamespaceFacts, problem: string): Denial {
  const found = `${allowedKey} ${quoted(namespace.allowedRoles ?? "", 110)} ${problem}`;
  const remedy = 'write one such as ["team-*", "arn:aws:iam::111122223333:role/reader"]';
  return denial("PermittedInvalid", `${namespaceName(namespace.name)}: ${found}; ${remedy}`);
}

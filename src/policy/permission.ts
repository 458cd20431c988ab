/**
 * Whether a namespace permits a role: by its expression or, if enabled, by kube2iam's list. Reserved
 * roles and everything else that a pod requests are checked elsewhere.
 */
import { type AllowedRoles, allows, parseAllowedRoles } from "./allowed_roles.ts";
import { denial, quoted, shown } from "./denial_text.ts";
import type { Denial, DenialReason, NamespaceFacts } from "./facts.ts";
import { parsePermitted, type Permitted, permittedSize } from "./permitted.ts";
import { namespaceName } from "./requested_role.ts";
import { formatRoleArn, type RoleArn } from "./role_arn.ts";
import { formatRoleBaseArn, pathAndName, type RoleBase } from "./role_base.ts";
import { cachedByText } from "./text_cache.ts";

interface PermissionSettings {
  readonly base: RoleBase | null;
  readonly permittedMatch: "arn" | "name";
  readonly honourAllowedRoles: boolean;
}

interface Rules {
  readonly permitted: Permitted | null;
  readonly allowed: AllowedRoles | null;
}

/** Checks roles against namespaces' annotations, and caches the parsed annotations. */
export class Permission {
  readonly #settings: PermissionSettings;
  readonly #baseArn: string | null;
  readonly #permitted = cachedByText(parsePermitted, permittedSize);
  readonly #allowed = cachedByText(parseAllowedRoles);

  constructor(settings: PermissionSettings) {
    this.#settings = settings;
    this.#baseArn = settings.base === null ? null : formatRoleBaseArn(settings.base);
  }

  /** Null if the namespace permits the role; `setting` names what requests it, for the remedy. */
  refusal(namespace: NamespaceFacts, role: RoleArn, setting: string): Denial | null {
    const arn = formatRoleArn(role);
    const rules = this.#rules(namespace);
    if (this.#grants(rules, role, arn)) return null;
    const { permitted, allowed } = rules;
    const broken = brokenRule(namespace, rules);
    if (broken !== null) return broken;
    if (permitted?.kind === "expression") return outsideExpression(namespace, arn, setting);
    if (allowed?.kind === "globs") return outsideList(namespace, arn, setting);
    return nothingPermitted(namespace, arn, allowed !== null);
  }

  /** What is wrong with the namespace's annotations, whichever role is requested; null if nothing. */
  problem(namespace: NamespaceFacts): Denial | null {
    return brokenRule(namespace, this.#rules(namespace));
  }

  #rules({ permitted, allowedRoles }: NamespaceFacts): Rules {
    const honoured = this.#settings.honourAllowedRoles ? allowedRoles : null;
    return {
      permitted: permitted === null ? null : this.#permitted(permitted),
      allowed: honoured === null ? null : this.#allowed(honoured),
    };
  }

  #grants({ permitted, allowed }: Rules, role: RoleArn, arn: string): boolean {
    if (permitted?.kind === "expression") {
      if (permitted.test(arn)) return true;
      if (this.#ownByName(role) && permitted.test(pathAndName(role))) return true;
    }
    return allowed?.kind === "globs" && allows(allowed.globs, arn, this.#baseArn);
  }

  /** In any other account, a name alone would match someone else's role. */
  #ownByName(role: RoleArn): boolean {
    const { base, permittedMatch } = this.#settings;
    if (permittedMatch !== "name" || base === null) return false;
    return role.account === base.account && role.partition === base.partition;
  }
}

const permittedKey = "iam.amazonaws.com/permitted";
const allowedKey = "iam.amazonaws.com/allowed-roles";

function brokenRule(namespace: NamespaceFacts, { permitted, allowed }: Rules): Denial | null {
  if (permitted?.kind === "invalid") {
    const found = `${permittedKey} ${quoted(namespace.permitted ?? "", 110)} ${permitted.problem}`;
    const remedy = "write an RE2 expression for role ARNs, until then nothing is permitted";
    return about(namespace, "PermittedInvalid", `${found}; ${remedy}`);
  }
  if (allowed?.kind === "invalid") {
    const found = `${allowedKey} ${quoted(namespace.allowedRoles ?? "", 110)} ${allowed.problem}`;
    const remedy = 'write one such as ["team-*", "arn:aws:iam::111122223333:role/reader"]';
    return about(namespace, "PermittedInvalid", `${found}; ${remedy}`);
  }
  return null;
}

/** Neither annotation permits anything: each is absent or empty. */
function nothingPermitted(namespace: NamespaceFacts, arn: string, emptyList: boolean): Denial {
  const remedy = `set it to an expression that matches the whole of ${shown(arn, 200)}`;
  if (namespace.permitted !== null) {
    return about(namespace, "PermittedEmpty", `${permittedKey} is empty; ${remedy}`);
  }
  if (!emptyList) {
    return about(namespace, "PermittedAbsent", `${permittedKey} is missing; ${remedy}`);
  }
  const glob = `add a glob for ${shown(arn, 200)}`;
  return about(namespace, "PermittedEmpty", `${allowedKey} is empty; ${glob}`);
}

function outsideExpression(namespace: NamespaceFacts, arn: string, setting: string): Denial {
  const text = quoted(namespace.permitted ?? "", 110);
  const found = `${permittedKey} ${text} does not match the whole of ${shown(arn, 140)}`;
  return about(namespace, "NotPermitted", `${found}; change the expression, or ${setting}`);
}

function outsideList(namespace: NamespaceFacts, arn: string, setting: string): Denial {
  const text = quoted(namespace.allowedRoles ?? "", 110);
  const found = `${allowedKey} ${text} has no glob for ${shown(arn, 140)}`;
  return about(namespace, "NotPermitted", `${found}; change the list, or ${setting}`);
}

function about({ name }: NamespaceFacts, reason: DenialReason, message: string): Denial {
  return denial(reason, `${namespaceName(name)}: ${message}`);
}

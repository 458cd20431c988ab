/**
 * Whether a namespace permits a role: by its expression or, where those are honoured, by kube2iam's
 * list. Roles that nobody may have, and what else a pod asks for, are for others.
 */
import { type AllowedRoles, allows, parseAllowedRoles } from "./allowed_roles.ts";
import type { Denial, NamespaceFacts } from "./facts.ts";
import {
  brokenExpression,
  brokenList,
  nothingPermitted,
  outsideExpression,
  outsideList,
} from "./permission_denial.ts";
import { parsePermitted, type Permitted } from "./permitted.ts";
import { formatRoleArn, type RoleArn } from "./role_arn.ts";
import { formatRoleBaseArn, pathAndName, type RoleBase } from "./role_base.ts";
import { WeightedCache } from "./weighted_cache.ts";

export interface PermissionSettings {
  readonly base: RoleBase | null;
  readonly permittedMatch: "arn" | "name";
  readonly honourAllowedRoles: boolean;
}

/** Room for some 300 usual expressions, or for 16 of the largest with their engine's 8 MB each. */
const mostKept = 131_072;

interface Rules {
  readonly permitted: Permitted | null;
  readonly allowed: AllowedRoles | null;
}

/** Judges by namespaces' annotations; keeps what it last parsed of them. */
export class Permission {
  readonly #settings: PermissionSettings;
  readonly #baseArn: string | null;
  readonly #permitted = new WeightedCache(parsePermitted, weightOfPermitted, mostKept);
  readonly #allowed = new WeightedCache(parseAllowedRoles, weightOfText, mostKept);

  constructor(settings: PermissionSettings) {
    this.#settings = settings;
    this.#baseArn = settings.base === null ? null : formatRoleBaseArn(settings.base);
  }

  /** Null where the namespace permits the role; `setting` names what asks for it, for the remedy. */
  refusal(namespace: NamespaceFacts, role: RoleArn, setting: string): Denial | null {
    const arn = formatRoleArn(role);
    const rules = this.#rules(namespace);
    if (this.#grants(rules, role, arn)) return null;
    const { permitted, allowed } = rules;
    if (permitted?.kind === "invalid") return brokenExpression(namespace, permitted.problem);
    if (allowed?.kind === "invalid") return brokenList(namespace, allowed.problem);
    if (permitted?.kind === "expression") return outsideExpression(namespace, arn, setting);
    if (allowed?.kind === "globs") return outsideList(namespace, arn, setting);
    return nothingPermitted(namespace, arn, allowed === null ? null : namespace.allowedRoles);
  }

  /** What is broken in the namespace's own annotations, whoever asks; null where nothing is. */
  problem(namespace: NamespaceFacts): Denial | null {
    const { permitted, allowed } = this.#rules(namespace);
    if (permitted?.kind === "invalid") return brokenExpression(namespace, permitted.problem);
    return allowed?.kind === "invalid" ? brokenList(namespace, allowed.problem) : null;
  }

  #rules({ permitted, allowedRoles }: NamespaceFacts): Rules {
    const honoured = this.#settings.honourAllowedRoles ? allowedRoles : null;
    return {
      permitted: permitted === null ? null : this.#permitted.get(permitted),
      allowed: honoured === null ? null : this.#allowed.get(honoured),
    };
  }

  #grants({ permitted, allowed }: Rules, role: RoleArn, arn: string): boolean {
    if (permitted?.kind === "expression") {
      if (permitted.test(arn)) return true;
      if (this.#ownByName(role) && permitted.test(pathAndName(role))) return true;
    }
    return allowed?.kind === "globs" && allows(allowed.globs, arn, this.#baseArn);
  }

  /** Beyond the server's own account a name alone would mean somebody else's role. */
  #ownByName(role: RoleArn): boolean {
    const { base, permittedMatch } = this.#settings;
    if (permittedMatch !== "name" || base === null) return false;
    return role.account === base.account && role.partition === base.partition;
  }
}

/** A step weighs 4: the engine's states grow with them. */
function weightOfPermitted(permitted: Permitted, text: string): number {
  return weightOfText(null, text) + (permitted.kind === "expression" ? 4 * permitted.size : 0);
}

function weightOfText(_value: unknown, text: string): number {
  return 64 + text.length;
}

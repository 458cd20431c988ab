/**
 * Which paths of the metadata service pods may read through the agent. Credentials are never among
 * them, whatever the setting says.
 */
import { RE2JS } from "re2js";
import { messageOf } from "../../telemetry/fault.ts";
import { imdsVersion } from "../documents/credentials_documents.ts";

/** Whether a canonical path may be passed through. */
export type PassthroughRule = (path: string) => boolean;

/**
 * The trees that hold credentials of the node, and tokens: patterns of paths without their first
 * slash. In any case, at any depth and whatever follows the name, though EC2 has each at one place.
 */
export const credentialTree = anyCase(
  "(?:(?:.*/)?meta-data/(?:iam|identity-credentials)\\b.*|.*security-credentials.*)",
);
export const tokenTree = anyCase("(?:.*/)?api/token\\b.*");
const closed = new RegExp(`^/(?:${credentialTree}|${tokenTree})$`);
const userData = /\/user-data\b/i;

const ofInterface = [
  "device-number|interface-id|ipv4-associations/[0-9.]+|ipv6s|local-hostname|local-ipv4s|mac",
  "public-hostname|public-ipv4s|subnet-id|subnet-ipv4-cidr-block|subnet-ipv6-cidr-blocks|vpc-id",
  "vpc-ipv4-cidr-blocks?|vpc-ipv6-cidr-blocks",
].join("|");
const ofInstance = [
  "instance-id|instance-type|hostname|local-hostname|public-hostname|local-ipv4|public-ipv4|ipv6|mac",
  "placement/(?:availability-zone|availability-zone-id|region)",
  `network/interfaces/macs(?:/[0-9a-f:]+(?:/(?:${ofInterface}))?)?`,
].join("|");
const safePaths = new RegExp(
  `^/${imdsVersion}/(?:meta-data/(?:${ofInstance})|dynamic/instance-identity/document)/?$`,
);

/** The engine rejects the expression. */
export class ExpressionInvalid extends Error {
  readonly code = "expression_invalid";
  override readonly name = "ExpressionInvalid";
}

/**
 * The rule of `--passthrough`: `all`, `safe`, `none`, or an RE2 expression that must match the whole
 * canonical path. User data needs `withUserData` in each of them.
 * @throws {ExpressionInvalid} with the engine's reason.
 */
export function passthroughRule(setting: string, withUserData: boolean): PassthroughRule {
  const allowed = allowedBy(setting);
  return (path) => {
    if (closed.test(path)) return false;
    return (withUserData || !userData.test(path)) && allowed(path);
  };
}

function anyCase(pattern: string): string {
  return pattern.replace(/(?<!\\)[a-z]/g, (letter) => `[${letter}${letter.toUpperCase()}]`);
}

function allowedBy(setting: string): PassthroughRule {
  if (setting === "all") return () => true;
  if (setting === "none") return () => false;
  if (setting === "safe") return (path) => safePaths.test(path);
  const expression = compile(setting);
  return (path) => expression.matches(path);
}

function compile(text: string): RE2JS {
  try {
    return RE2JS.compile(text);
  } catch (fault) {
    const reason = messageOf(fault);
    throw new ExpressionInvalid(reason, { cause: fault });
  }
}

/**
 * Which paths of the metadata service pods may read through the agent. Credentials are never among
 * them, whatever the setting says.
 */
import { RE2JS } from "re2js";

/** Whether a canonical path may be passed on. */
export type PassthroughRule = (path: string) => boolean;

/**
 * In any case of letters, at any depth and with any sign behind them, though EC2 has them at one
 * place: none may ever go through.
 */
const roleTrees = /\/meta-data\/(?:iam|identity-credentials)\b|security-credentials/i;
const tokenTree = /\/api\/token\b/i;
const userData = /\/user-data\b/i;

const version = "(?:latest|1\\.0|\\d{4}-\\d\\d-\\d\\d)";
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
  `^/${version}/(?:meta-data/(?:${ofInstance})|dynamic/instance-identity/document)/?$`,
);

/** At or below the trees that hold credentials of the node or tokens. */
export function isCredentialTree(path: string): boolean {
  return roleTrees.test(path) || tokenTree.test(path);
}

/** Tokens are had at `/latest/api/token`, spelled just so, and nowhere else. */
export function isTokenTree(path: string): boolean {
  return tokenTree.test(path);
}

/** The expression isn't one that the engine takes. */
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
    if (isCredentialTree(path)) return false;
    return (withUserData || !userData.test(path)) && allowed(path);
  };
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
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ExpressionInvalid(reason, { cause });
  }
}

/**
 * Parses and formats the ARNs of IAM roles, in every partition. `role_base.ts` resolves roles given
 * by name.
 */

/** The parts of a role ARN. `path` begins and ends with a slash; `/` if it has none. */
export interface RoleArn {
  readonly partition: string;
  readonly account: string;
  readonly path: string;
  readonly name: string;
}

/** The first part that is wrong. */
export type RoleArnFault =
  | "length"
  | "prefix"
  | "partition"
  | "service"
  | "region"
  | "account"
  | "resource"
  | "path"
  | "name";

type ParsedRoleArn =
  | { readonly kind: "role"; readonly role: RoleArn }
  | { readonly kind: "malformed"; readonly fault: RoleArnFault; readonly expected: string };

/** `RoleArn` of AssumeRole has at most 2048 characters. */
const maxLength = 2048;

const expectations: Record<RoleArnFault, string> = {
  length: `an ARN has at most ${maxLength} characters`,
  prefix: "an ARN has six parts, arn:PARTITION:iam::ACCOUNT:role/NAME",
  partition: "the partition is one like aws, aws-cn or aws-us-gov",
  service: "the service of a role's ARN is iam",
  region: "the region of a role's ARN is empty, as in arn:aws:iam::ACCOUNT:role/NAME",
  account: "the account is 12 digits",
  resource: "in a role's ARN, role/NAME follows the account",
  path: "a role's path is slashes and printable ASCII without spaces, at most 512 characters",
  name: "a role's name is 1 to 64 of letters, digits and _+=,.@-",
};

// Names and paths as in IAM's CreateRole: RoleName [\w+=,.@-]{1,64};
// Path (\u002F)|(\u002F[\u0021-\u007E]+\u002F), at most 512.
const rules: readonly (readonly [RoleArnFault, (parts: ArnParts) => boolean])[] = [
  ["partition", (parts) => /^aws(?:-[a-z]+)*$/.test(parts.partition)],
  ["service", (parts) => parts.service === "iam"],
  ["region", (parts) => parts.region === ""],
  ["account", (parts) => /^[0-9]{12}$/.test(parts.account)],
  ["resource", (parts) => parts.resource.startsWith("role/")],
  ["path", (parts) => isRolePath(pathOf(parts.resource))],
  ["name", (parts) => /^[A-Za-z0-9_+=,.@-]{1,64}$/.test(nameOf(parts.resource))],
];

interface ArnParts {
  readonly partition: string;
  readonly service: string;
  readonly region: string;
  readonly account: string;
  readonly resource: string;
}

/** The role, or the first part that is wrong with what is expected there. */
export function parseRoleArn(text: string): ParsedRoleArn {
  if (text.length > maxLength) return malformed("length");
  const parts = splitArn(text);
  if (parts === null) return malformed("prefix");
  for (const [fault, holds] of rules) if (!holds(parts)) return malformed(fault);
  const { partition, account, resource } = parts;
  return {
    kind: "role",
    role: { partition, account, path: pathOf(resource), name: nameOf(resource) },
  };
}

/** The inverse of {@link parseRoleArn}. */
export function formatRoleArn(role: RoleArn): string {
  return `arn:${role.partition}:iam::${role.account}:role${role.path}${role.name}`;
}

/** IAM's rule for paths; `/` alone is valid. */
function isRolePath(path: string): boolean {
  return path.length <= 512 && (path === "/" || /^\/[\x21-\x7e]+\/$/.test(path));
}

/** The six parts of an ARN; the last may contain colons. Null if there are fewer. */
export function splitArn(text: string): ArnParts | null {
  const [prefix, partition, service, region, account, ...rest] = text.split(":");
  if (prefix !== "arn" || rest.length === 0) return null;
  if (partition === undefined || service === undefined) return null;
  if (region === undefined || account === undefined) return null;
  return { partition, service, region, account, resource: rest.join(":") };
}

function malformed(fault: RoleArnFault): ParsedRoleArn {
  return { kind: "malformed", fault, expected: expectations[fault] };
}

function pathOf(resource: string): string {
  return resource.slice("role".length, resource.lastIndexOf("/") + 1);
}

function nameOf(resource: string): string {
  return resource.slice(resource.lastIndexOf("/") + 1);
}

/**
 * The parameters of AssumeRole and the limits that STS's API reference sets for them
 * (https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html).
 */

export interface AssumeRoleParameters {
  readonly roleArn: string;
  readonly account: string;
  /** Without path. */
  readonly roleName: string;
  readonly sessionName: string;
  readonly durationSeconds: number;
}

/** A parameter outside its limits; STS answers ValidationError with this message. */
export class ParameterFault extends Error {
  readonly code = "parameter_invalid";
  override readonly name = "ParameterFault";
}

/** @throws {ParameterFault} the first parameter that STS would refuse. */
export function readAssumeRole(fields: URLSearchParams): AssumeRoleParameters {
  const roleArn = required(fields, "RoleArn");
  const arn = /^arn:[a-z-]+:iam::(\d{12}):role\/(?:[!-~]*\/)?([\w+=,.@-]{1,64})$/.exec(roleArn);
  if (arn === null) throw new ParameterFault(`${roleArn} is invalid`);
  const sessionName = matching(fields, "RoleSessionName", /^[\w+=,.@-]{2,64}$/);
  if (fields.has("ExternalId")) matching(fields, "ExternalId", /^[\w+=,.@:/-]{2,1224}$/);
  checkTags(fields);
  const durationSeconds = duration(fields.get("DurationSeconds") ?? "3600");
  return { roleArn, account: arn[1] ?? "", roleName: arn[2] ?? "", sessionName, durationSeconds };
}

function required(fields: URLSearchParams, name: string): string {
  const value = fields.get(name);
  if (value !== null && value !== "") return value;
  throw violated(name, "Value null", "Member must not be null");
}

function matching(fields: URLSearchParams, name: string, pattern: RegExp): string {
  const value = required(fields, name);
  if (pattern.test(value)) return value;
  const shown = name === "ExternalId" ? "Value" : `Value '${value.slice(0, 80)}'`;
  throw violated(name, shown, `Member must satisfy regular expression pattern: ${pattern.source}`);
}

function duration(text: string): number {
  const seconds = /^\d{1,6}$/.test(text) ? Number(text) : NaN;
  const value = `Value '${text.slice(0, 20)}'`;
  if (!(seconds >= 900)) {
    throw violated("DurationSeconds", value, "Member must have value greater than or equal to 900");
  }
  if (seconds <= 43200) return seconds;
  throw violated("DurationSeconds", value, "Member must have value less than or equal to 43200");
}

function checkTags(fields: URLSearchParams): void {
  for (const [name, value] of fields) {
    const part = /^Tags\.member\.\d+\.(Key|Value)$/.exec(name)?.[1];
    if (part === undefined) continue;
    const longest = part === "Key" ? 128 : 256;
    const fits = value.length <= longest && /^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u.test(value);
    if (!fits || (part === "Key" && value === "")) {
      throw violated(name, `Value '${value.slice(0, 80)}'`, "Member must be a valid tag");
    }
  }
}

function violated(name: string, value: string, constraint: string): ParameterFault {
  const member = name.slice(0, 1).toLowerCase() + name.slice(1);
  return new ParameterFault(
    `1 validation error detected: ${value} at '${member}' failed to satisfy constraint: ${constraint}`,
  );
}

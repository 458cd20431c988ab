/**
 * The parameters of AssumeRole, checked against the limits in STS's API reference
 * (https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html).
 */
import { deflateRawSync } from "node:zlib";
import { parsePolicy } from "../../iam/policy_document.ts";

export interface AssumeRoleParameters {
  readonly roleArn: string;
  readonly account: string;
  /** Without path. */
  readonly roleName: string;
  readonly sessionName: string;
  readonly durationSeconds: number;
  readonly externalId: string | undefined;
  readonly sourceIdentity: string | undefined;
  readonly tags: Readonly<Record<string, string>>;
  readonly transitiveTagKeys: readonly string[];
  /** JSON of a valid policy. */
  readonly policy: string | undefined;
  readonly policyArns: readonly string[];
  readonly packedPercent: number;
}

/** A parameter that STS rejects, with STS's error code. */
export class ParameterFault extends Error {
  override readonly name = "ParameterFault";
  readonly code: "ValidationError" | "MalformedPolicyDocument" | "PackedPolicyTooLarge";

  constructor(message: string, code: ParameterFault["code"] = "ValidationError") {
    super(message);
    this.code = code;
  }
}

const tagText = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u;
const policyArn = /^arn:[a-z-]+:iam::(aws|\d{12}):policy\/[!-~]+$/;

/** @throws {ParameterFault} the first parameter that STS would reject. */
export function readAssumeRole(fields: URLSearchParams): AssumeRoleParameters {
  const roleArn = required(fields, "RoleArn");
  const arn = /^arn:[a-z-]+:iam::(\d{12}):role\/(?:[!-~]*\/)?([\w+=,.@-]{1,64})$/.exec(roleArn);
  if (arn === null) throw new ParameterFault(`${roleArn} is invalid`);
  const tags = tagsOf(fields);
  return {
    roleArn,
    account: arn[1] ?? "",
    roleName: arn[2] ?? "",
    sessionName: matching(fields, "RoleSessionName", /^[\w+=,.@-]{2,64}$/),
    durationSeconds: duration(fields.get("DurationSeconds") ?? "3600"),
    externalId: optional(fields, "ExternalId", /^[\w+=,.@:/-]{2,1224}$/),
    sourceIdentity: optional(fields, "SourceIdentity", /^(?!aws:)[\w+=,.@-]{2,64}$/i),
    tags,
    transitiveTagKeys: transitiveKeys(fields, tags),
    ...sessionPolicies(fields, arn[1] ?? ""),
    packedPercent: packed(fields, tags),
  };
}

function required(fields: URLSearchParams, name: string): string {
  const value = fields.get(name);
  if (value !== null && value !== "") return value;
  throw violated(name, "Value null", "Member must not be null");
}

function optional(fields: URLSearchParams, name: string, pattern: RegExp): string | undefined {
  return fields.has(name) ? matching(fields, name, pattern) : undefined;
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

/** The values of `NAME.member.1`, `NAME.member.2`, …, each with the suffix if there is one. */
function members(fields: URLSearchParams, name: string, suffix = ""): string[] {
  const values: string[] = [];
  for (let at = 1; fields.has(`${name}.member.${at}${suffix}`); at++) {
    values.push(fields.get(`${name}.member.${at}${suffix}`) ?? "");
  }
  return values;
}

function tagsOf(fields: URLSearchParams): Record<string, string> {
  const keys = members(fields, "Tags", ".Key");
  const values = keys.map((_, at) => fields.get(`Tags.member.${at + 1}.Value`) ?? "");
  if (keys.length > 50) throw tooMany("Tags", 50);
  for (const key of keys) {
    const fits = key !== "" && key.length <= 128 && tagText.test(key) && !/^aws:/i.test(key);
    if (!fits) {
      throw violated("Tags", `Value '${key.slice(0, 80)}'`, "Member must be a valid tag key");
    }
  }
  const wrong = values.find((value) => value.length > 256 || !tagText.test(value));
  if (wrong !== undefined) {
    throw violated("Tags", `Value '${wrong.slice(0, 80)}'`, "Member must be a valid tag value");
  }
  if (new Set(keys.map((key) => key.toLowerCase())).size < keys.length) {
    throw new ParameterFault("Duplicate tag keys found. Tag keys are case insensitive");
  }
  return Object.fromEntries(keys.map((key, at) => [key, values[at]!]));
}

function transitiveKeys(fields: URLSearchParams, tags: Readonly<Record<string, string>>): string[] {
  const keys = members(fields, "TransitiveTagKeys");
  const stray = keys.find((key) => !Object.hasOwn(tags, key));
  if (stray === undefined) return keys;
  throw new ParameterFault(`The transitive tag key ${stray} is not among the requested tags`);
}

function sessionPolicies(fields: URLSearchParams, account: string) {
  const text = fields.get("Policy");
  const policyArns = members(fields, "PolicyArns", ".arn");
  if (policyArns.length > 10) throw tooMany("PolicyArns", 10);
  const foreign = policyArns.find((arn) =>
    ![account, "aws"].includes(policyArn.exec(arn)?.[1] ?? "")
  );
  if (foreign !== undefined) throw new ParameterFault(`The policy ARN ${foreign} is invalid`);
  if ((text ?? "").length + policyArns.join("").length > 2048) {
    throw new ParameterFault("The session policies exceed 2048 characters");
  }
  if (text === null) return { policy: undefined, policyArns };
  const parsed = parsePolicy(text, "permissions");
  if (parsed.kind === "policy") return { policy: text, policyArns };
  throw new ParameterFault(`The policy ${parsed.problem}`, "MalformedPolicyDocument");
}

/**
 * AWS doesn't publish how it packs policies and tags, so this is an estimate: the text deflated, as a
 * percentage of 1 KiB.
 */
function packed(fields: URLSearchParams, tags: Readonly<Record<string, string>>): number {
  const texts = [
    fields.get("Policy") ?? "",
    ...members(fields, "PolicyArns", ".arn"),
    ...Object.entries(tags).flat(),
  ];
  const percent = Math.ceil(deflateRawSync(texts.join("\n")).length / 1024 * 100);
  if (percent <= 100) return percent;
  const what = Object.keys(tags).length > 0 ? "size of session tags" : "policy";
  throw new ParameterFault(
    `Packed ${what} consumes ${percent}% of allotted space.`,
    "PackedPolicyTooLarge",
  );
}

function tooMany(name: string, most: number): ParameterFault {
  return violated(name, "Value", `Member must have length less than or equal to ${most}`);
}

function violated(name: string, value: string, constraint: string): ParameterFault {
  const member = name.slice(0, 1).toLowerCase() + name.slice(1);
  return new ParameterFault(
    `1 validation error detected: ${value} at '${member}' failed to satisfy constraint: ${constraint}`,
  );
}

/**
 * Decides AssumeRoleWithWebIdentity as AWS does: the token against the OIDC provider of its issuer, then
 * the role's trust policy with the token's `sub` and `aud`
 * (https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html).
 */
import { Buffer } from "node:buffer";
import * as v from "valibot";
import { parsedJson } from "../../net/json.ts";
import { allowsWebIdentity } from "../../iam/evaluate.ts";
import { checkDuration, StsFault } from "./assume_role.ts";
import type { AssumeRoleParameters } from "./assume_role_parameters.ts";
import type { Iam, OidcProvider } from "./iam.ts";

/** What a valid token says. */
interface WebIdentityToken {
  readonly provider: OidcProvider;
  readonly subject: string;
  readonly audience: string;
}

const texts = v.union([v.pipe(v.string(), v.transform((one) => [one])), v.array(v.string())]);
const head = v.object({ alg: v.picklist(["RS256", "ES256"]), kid: v.optional(v.string()) });
const claims = v.object({
  iss: v.string(),
  sub: v.string(),
  aud: texts,
  exp: v.number(),
  nbf: v.optional(v.number(), 0),
  iat: v.optional(v.number(), 0),
});
const algorithms = {
  RS256: { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" },
  ES256: { name: "ECDSA", hash: "SHA-256", namedCurve: "P-256" },
} as const;
/** How far AWS lets clocks be apart. */
const leewaySeconds = 300;

/** @throws {StsFault} the token isn't one that STS accepts */
export async function readWebIdentityToken(
  iam: Iam,
  token: string,
  now: number,
): Promise<WebIdentityToken> {
  const [first = "", second = "", signature = ""] = token.split(".");
  const header = v.safeParse(head, decoded(first));
  const claimed = v.safeParse(claims, decoded(second));
  if (!header.success || !claimed.success) {
    throw invalid("The ID Token provided is not a valid JWT.");
  }
  const { iss, sub, aud, exp, nbf, iat } = claimed.output;
  const provider = iam.provider(iss);
  if (provider === undefined) {
    throw invalid(`No OpenIDConnect provider found in your account for ${iss}`);
  }
  const signed = { ...header.output, text: `${first}.${second}`, signature };
  if (!(await isSignedBy(provider, signed))) {
    throw invalid("Couldn't verify the signature of the token with the keys of its provider");
  }
  const seconds = now / 1000;
  if (exp <= seconds) throw expired(`Token expired: current date ${seconds} must be before ${exp}`);
  if (Math.max(nbf, iat) > seconds + leewaySeconds) throw invalid("Token is not valid yet");
  const audience = aud.find((one) => provider.audiences.includes(one));
  if (audience === undefined) throw invalid("Incorrect token audience");
  return { provider, subject: sub, audience };
}

/** @throws {StsFault} the role doesn't trust the token, or not for that long */
export function authorizeWebIdentity(
  iam: Iam,
  { provider, subject, audience }: WebIdentityToken,
  parameters: AssumeRoleParameters,
): void {
  const { roleArn: arn, sessionName } = parameters;
  const role = iam.role(arn);
  const request = { arn, sessionName, provider: provider.arn, subject, audience };
  if (role === undefined || !allowsWebIdentity(role.trust, request)) {
    const action = "sts:AssumeRoleWithWebIdentity";
    throw new StsFault(403, "AccessDenied", `Not authorized to perform ${action}`);
  }
  checkDuration(role, undefined, parameters);
}

async function isSignedBy(
  provider: OidcProvider,
  { alg, kid, text, signature }: {
    readonly alg: keyof typeof algorithms;
    readonly kid?: string | undefined;
    readonly text: string;
    readonly signature: string;
  },
): Promise<boolean> {
  const algorithm = algorithms[alg];
  const keys = provider.keys.filter((key) =>
    (kid === undefined || key.kid === undefined || key.kid === kid) &&
    key.kty === (alg === "RS256" ? "RSA" : "EC")
  );
  const bytes = new Uint8Array(Buffer.from(signature, "base64url"));
  for (const jwk of keys) {
    const key = await crypto.subtle.importKey("jwk", jwk, algorithm, false, ["verify"]);
    if (await crypto.subtle.verify(algorithm, key, bytes, new TextEncoder().encode(text))) {
      return true;
    }
  }
  return false;
}

function decoded(part: string): unknown {
  return parsedJson(Buffer.from(part, "base64url").toString());
}

function invalid(message: string): StsFault {
  return new StsFault(400, "InvalidIdentityToken", message);
}

function expired(message: string): StsFault {
  return new StsFault(400, "ExpiredTokenException", message);
}

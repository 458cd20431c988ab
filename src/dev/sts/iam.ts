/**
 * The IAM side of the embedded STS: roles with their trust policies, and managed policies. Roles
 * without a document trust everyone, so that `dev` works without a single IAM document.
 */
import { parsePolicy, type PolicyDocument } from "../../iam/policy_document.ts";

export interface IamRole {
  readonly arn: string;
  readonly trust: PolicyDocument;
  /** What its sessions may do; null if undefined, which means everything. */
  readonly permissions: readonly PolicyDocument[] | null;
  readonly maxSessionSeconds: number;
  readonly tags: Readonly<Record<string, string>>;
}

export interface IamPolicy {
  readonly arn: string;
  readonly policy: PolicyDocument;
}

/** An IAM OIDC provider. */
export interface OidcProvider {
  /** Ends in the issuer's URL without its scheme. */
  readonly arn: string;
  readonly issuer: string;
  /** Client IDs. */
  readonly audiences: readonly string[];
  /** The issuer's current JWKS. */
  readonly keys: readonly (JsonWebKey & { readonly kid?: string })[];
}

/** What the embedded STS reads; the documents may change between two calls. */
export interface Iam {
  /** Undefined if the role doesn't exist. */
  role(arn: string): IamRole | undefined;
  /** Undefined if its content isn't known. */
  policy(arn: string): PolicyDocument | undefined;
  /** Undefined if no provider has this issuer. */
  provider(issuer: string): OidcProvider | undefined;
}

export interface IamDocuments {
  readonly roles: readonly IamRole[];
  readonly policies: readonly IamPolicy[];
}

/** IAM with exactly these documents. */
export function iamOf(
  { roles, policies }: IamDocuments,
  providers: readonly OidcProvider[] = [],
): Iam {
  return {
    role: (arn) => roles.find((role) => role.arn === arn),
    policy: (arn) => policies.find((policy) => policy.arn === arn)?.policy,
    provider: (issuer) => providers.find((provider) => provider.issuer === issuer),
  };
}

/**
 * The same, except that every other role exists too, and trusts everyone. Names are unique in an account
 * regardless of path and case, so a described role doesn't exist a second time under another path.
 */
export function lenientIam(
  documents: () => IamDocuments,
  providers: readonly OidcProvider[] = [],
): Iam {
  const trusting = trustingRole(providers);
  const iam = () => iamOf(documents(), providers);
  return {
    role: (arn) => {
      const { roles } = documents();
      const name = accountAndName(arn);
      return roles.find((role) => role.arn === arn) ??
        (roles.some((role) => accountAndName(role.arn) === name)
          ? undefined
          : { ...trusting, arn });
    },
    policy: (arn) => iam().policy(arn),
    provider: (issuer) => iam().provider(issuer),
  };
}

function accountAndName(arn: string): string {
  return arn.replace(/^arn:[^:]*:iam::([^:]*):role\/(?:.*\/)?/, "$1/").toLowerCase();
}

function trustingRole(providers: readonly OidcProvider[]): Omit<IamRole, "arn"> {
  const Principal = { AWS: "*", Federated: providers.map(({ arn }) => arn) };
  const Statement = { Effect: "Allow", Principal, Action: "sts:*" };
  const trust = policyOf({ Version: "2012-10-17", Statement });
  return { trust, permissions: null, maxSessionSeconds: 43_200, tags: {} };
}

function policyOf(document: object): PolicyDocument {
  const parsed = parsePolicy(document, "trust");
  if (parsed.kind === "policy") return parsed.policy;
  throw new TypeError(`policy ${parsed.problem}`);
}

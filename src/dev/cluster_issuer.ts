/**
 * Issues tokens of ServiceAccounts as a cluster's API server does, with a key of this process. The
 * embedded STS knows the issuer as an OIDC provider.
 */
import { Buffer } from "node:buffer";
import { tokenSubject } from "../policy/facts.ts";
import type { RequestToken } from "../server/ports.ts";

/** Doesn't exist: the embedded STS has the keys without fetching them. */
export const devIssuer = "https://oidc.rolecall.dev";

export interface ClusterIssuer {
  /** The public key. */
  readonly keys: () => Promise<readonly (JsonWebKey & { readonly kid: string })[]>;
  readonly requestToken: RequestToken;
}

const algorithm = { name: "ECDSA", namedCurve: "P-256" } as const;
const kid = "dev";
const lifetimeSeconds = 600;

export function createClusterIssuer(now: () => number): ClusterIssuer {
  let pair: Promise<CryptoKeyPair> | undefined;
  const keyPair = () => pair ??= crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  return {
    keys: async () => {
      const jwk = await crypto.subtle.exportKey("jwk", (await keyPair()).publicKey);
      return [{ ...jwk, kid }];
    },
    requestToken: async ({ namespace, serviceAccount, audience, pod }) => {
      const issuedAt = Math.floor(now() / 1000);
      const text = [{ alg: "ES256", kid, typ: "JWT" }, {
        iss: devIssuer,
        sub: tokenSubject({ namespace, serviceAccount }),
        aud: [audience],
        iat: issuedAt,
        exp: issuedAt + lifetimeSeconds,
        "kubernetes.io": { namespace, pod, serviceaccount: { name: serviceAccount } },
      }].map((part) => Buffer.from(JSON.stringify(part)).toString("base64url")).join(".");
      const { privateKey } = await keyPair();
      const hash = { name: "ECDSA", hash: "SHA-256" };
      const signed = await crypto.subtle.sign(hash, privateKey, new TextEncoder().encode(text));
      return { kind: "token", token: `${text}.${Buffer.from(signed).toString("base64url")}` };
    },
  };
}

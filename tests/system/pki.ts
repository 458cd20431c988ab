/**
 * Keys and certificates of one throw-away control plane, and tokens signed with its ServiceAccount
 * key: an expired one can't be had from the API.
 */
import "reflect-metadata";
import {
  BasicConstraintsExtension,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from "@peculiar/x509";
import { Buffer } from "node:buffer";
import { randomBytes } from "node:crypto";

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const serverAuth = "1.3.6.1.5.5.7.3.1";
const clientAuth = "1.3.6.1.5.5.7.3.2";

export interface Certified {
  /** PEM. */
  readonly cert: string;
  readonly key: string;
}

export interface ClusterKeys {
  readonly ca: string;
  readonly apiserver: Certified;
  readonly admin: Certified;
  /** A kubelet's client certificate. */
  kubelet(node: string): Promise<Certified>;
  readonly serviceAccounts: { readonly private: string; readonly public: string };
  /** Signs claims as the API server would. */
  sign(claims: object): Promise<string>;
}

/** Fresh keys; the API server's certificate is good for `addresses`. */
export async function makeClusterKeys(addresses: readonly string[]): Promise<ClusterKeys> {
  const authority = await newAuthority();
  const accounts = await keyPair();
  const names = addresses.map((value) => ({ type: "ip" as const, value }));
  const alternative = new SubjectAlternativeNameExtension([
    ...names,
    { type: "dns", value: "kubernetes.default.svc" },
  ]);
  return {
    ca: authority.cert,
    apiserver: await authority.issue("CN=kube-apiserver", serverAuth, alternative),
    admin: await authority.issue("CN=admin, O=system:masters", clientAuth),
    kubelet: (node) => authority.issue(`CN=system:node:${node}, O=system:nodes`, clientAuth),
    serviceAccounts: {
      private: await privatePem(accounts.privateKey),
      public: PemConverter.encode(
        await crypto.subtle.exportKey("spki", accounts.publicKey),
        "PUBLIC KEY",
      ),
    },
    sign: (claims) => signToken(accounts.privateKey, claims),
  };
}

async function newAuthority() {
  const keys = await keyPair();
  const root = await X509CertificateGenerator.createSelfSigned({
    name: "CN=kubernetes-ca",
    serialNumber: serial(),
    ...validity(),
    signingAlgorithm: algorithm,
    keys,
    extensions: [
      new BasicConstraintsExtension(true, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.digitalSignature, true),
    ],
  });
  const issue = async (
    subject: string,
    usage: string,
    alternative?: SubjectAlternativeNameExtension,
  ): Promise<Certified> => {
    const own = await keyPair();
    const certificate = await X509CertificateGenerator.create({
      subject,
      issuer: root.subject,
      serialNumber: serial(),
      ...validity(),
      signingAlgorithm: algorithm,
      publicKey: own.publicKey,
      signingKey: keys.privateKey,
      extensions: [
        new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
        new ExtendedKeyUsageExtension([usage]),
        ...(alternative ? [alternative] : []),
      ],
    });
    return { cert: certificate.toString("pem"), key: await privatePem(own.privateKey) };
  };
  return { cert: root.toString("pem"), issue };
}

async function keyPair(): Promise<CryptoKeyPair> {
  return await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]) as CryptoKeyPair;
}

async function privatePem(key: CryptoKey): Promise<string> {
  return PemConverter.encode(await crypto.subtle.exportKey("pkcs8", key), "PRIVATE KEY");
}

function serial(): string {
  return `01${randomBytes(8).toString("hex")}`;
}

function validity(): { notBefore: Date; notAfter: Date } {
  const now = Date.now();
  return { notBefore: new Date(now - 60_000), notAfter: new Date(now + 86_400_000) };
}

async function signToken(key: CryptoKey, claims: object): Promise<string> {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const text = `${part({ alg: "ES256", typ: "JWT" })}.${part(claims)}`;
  const signature = await crypto.subtle.sign(algorithm, key, new TextEncoder().encode(text));
  return `${text}.${Buffer.from(signature).toString("base64url")}`;
}

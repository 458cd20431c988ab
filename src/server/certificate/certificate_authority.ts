/**
 * Makes authorities and the leaves they sign: X.509, EC P-256, for TLS servers. When to make which
 * is `certificate_plan.ts`'s to say.
 */
import { canonicalAddress } from "../../net/ip_address.ts";
import { type CertificateTerms, certificateTerms } from "./certificate_plan.ts";
import type { Authority, Leaf } from "./certificate_state.ts";

/** What makes certificates; the clock's time comes as an argument. */
export interface CertificateIssuer {
  authority(now: number): Promise<Authority>;
  /** @throws {Error} the authority's key is gone */
  leaf(by: Authority, names: readonly string[], now: number): Promise<Leaf>;
}

/** Clocks differ: a certificate made now is good an hour ago too. */
const BACK_DATED_MS = 60 * 60_000;
const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;

/** The X.509 library (8 MB, 0.1 s) is loaded when something has to be made: mostly nothing has. */
export function createCertificateIssuer(
  terms: CertificateTerms = certificateTerms,
): CertificateIssuer {
  async function authority(now: number): Promise<Authority> {
    const x509 = await loadX509();
    const keys = await newKeys();
    const id = randomHex();
    const expiresAt = now + terms.authorityMs;
    const certificate = await x509.X509CertificateGenerator.createSelfSigned({
      serialNumber: serialNumber(),
      // Its own name for each: two authorities of one name would be tried in turn.
      name: `CN=rolecall-server-ca-${id.slice(0, 8)}`,
      ...validity(now, expiresAt),
      keys,
      signingAlgorithm: ALGORITHM,
      extensions: [
        new x509.BasicConstraintsExtension(true, 0, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
        await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      ],
    });
    const key = await privatePem(keys.privateKey);
    return { id, certificate: certificate.toString("pem"), key, expiresAt, retireAt: null };
  }

  async function leaf(by: Authority, names: readonly string[], now: number): Promise<Leaf> {
    if (by.key === null) throw new Error(`certificate authority ${by.id}: its key is gone`);
    const x509 = await loadX509();
    const issuer = new x509.X509Certificate(by.certificate);
    const keys = await newKeys();
    const expiresAt = Math.min(now + terms.leafMs, by.expiresAt);
    const certificate = await x509.X509CertificateGenerator.create({
      serialNumber: serialNumber(),
      subject: "CN=rolecall-server",
      issuer: issuer.subject,
      ...validity(now, expiresAt),
      publicKey: keys.publicKey,
      signingKey: await privateKey(by.key),
      signingAlgorithm: ALGORITHM,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
        new x509.SubjectAlternativeNameExtension(names.map(alternativeName)),
        await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey),
        await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      ],
    });
    return {
      authority: by.id,
      names: [...names],
      issuedAt: now,
      expiresAt,
      certificate: certificate.toString("pem"),
      key: await privatePem(keys.privateKey),
    };
  }

  return { authority, leaf };
}

async function loadX509(): Promise<typeof import("@peculiar/x509")> {
  // The library's container wants this to be there before it.
  await import("reflect-metadata");
  return await import("@peculiar/x509");
}

function validity(now: number, expiresAt: number): { notBefore: Date; notAfter: Date } {
  return { notBefore: new Date(now - BACK_DATED_MS), notAfter: new Date(expiresAt) };
}

function alternativeName(name: string): { type: "ip" | "dns"; value: string } {
  return { type: canonicalAddress(name) === undefined ? "dns" : "ip", value: name };
}

function newKeys(): Promise<CryptoKeyPair> {
  return crypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
}

async function privatePem(key: CryptoKey): Promise<string> {
  const der = new Uint8Array(await crypto.subtle.exportKey("pkcs8", key));
  const lines = btoa(String.fromCharCode(...der)).match(/.{1,64}/g) ?? [];
  return ["-----BEGIN PRIVATE KEY-----", ...lines, "-----END PRIVATE KEY-----", ""].join("\n");
}

function privateKey(pem: string): Promise<CryptoKey> {
  const base64 = pem.replaceAll(/-----[^-]+-----|\s/g, "");
  const der = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
  return crypto.subtle.importKey("pkcs8", der, ALGORITHM, false, ["sign"]);
}

function randomHex(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(8));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Positive, and without a leading zero octet that DER forbids. */
function serialNumber(): string {
  return `4${randomHex().slice(1)}${randomHex()}`;
}

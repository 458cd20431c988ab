/** Issues CA and server certificates (X.509, EC P-256). `certificate_plan.ts` decides when. */
import { randomBytes } from "node:crypto";
import { isIP } from "node:net";
import { certificateTerms } from "./certificate_plan.ts";
import type { Authority, Leaf } from "./certificate_state.ts";

/** `now` is in milliseconds since the epoch. */
export interface CertificateIssuer {
  authority(now: number): Promise<Authority>;
  /** @throws {Error} the authority's key is gone */
  leaf(by: Authority, names: readonly string[], now: number): Promise<Leaf>;
}

/** Certificates are valid from an hour ago, because clocks differ. */
const backdatedMs = 60 * 60_000;
const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;

export const certificateIssuer: CertificateIssuer = { authority, leaf };

async function authority(now: number): Promise<Authority> {
  const x509 = await loadX509();
  const keys = await newKeys();
  const id = randomHex();
  const expiresAt = now + certificateTerms.authorityMs;
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    // Unique: a client tries authorities of the same name one after another.
    name: `CN=rolecall-server-ca-${id.slice(0, 8)}`,
    ...validity(now, expiresAt),
    keys,
    signingAlgorithm: algorithm,
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
  const expiresAt = Math.min(now + certificateTerms.leafMs, by.expiresAt);
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: "CN=rolecall-server",
    issuer: issuer.subject,
    ...validity(now, expiresAt),
    publicKey: keys.publicKey,
    signingKey: await privateKey(by.key),
    signingAlgorithm: algorithm,
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

/** Loaded on first use (8 MB, 0.1 s): most starts have nothing to issue. */
async function loadX509(): Promise<typeof import("@peculiar/x509")> {
  // The library's dependency injection needs it first.
  await import("reflect-metadata");
  return await import("@peculiar/x509");
}

function validity(now: number, expiresAt: number): { notBefore: Date; notAfter: Date } {
  return { notBefore: new Date(now - backdatedMs), notAfter: new Date(expiresAt) };
}

function alternativeName(name: string): { type: "ip" | "dns"; value: string } {
  return { type: isIP(name) === 0 ? "dns" : "ip", value: name };
}

function newKeys(): Promise<CryptoKeyPair> {
  return crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
}

async function privatePem(key: CryptoKey): Promise<string> {
  const { PemConverter } = await loadX509();
  return PemConverter.encode(
    await crypto.subtle.exportKey("pkcs8", key),
    PemConverter.PrivateKeyTag,
  );
}

async function privateKey(pem: string): Promise<CryptoKey> {
  const der = (await loadX509()).PemConverter.decodeFirst(pem);
  return await crypto.subtle.importKey("pkcs8", der, algorithm, false, ["sign"]);
}

function randomHex(): string {
  return randomBytes(8).toString("hex");
}

/** Positive, and without the leading zero octet that DER forbids. */
function serialNumber(): string {
  return `4${randomHex().slice(1)}${randomHex()}`;
}

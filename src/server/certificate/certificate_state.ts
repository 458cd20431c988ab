/**
 * The state of the serving certificate that replicas share in a Secret: the leaf under the usual TLS
 * keys, the rest as one JSON document.
 */
import * as v from "valibot";
import { parsedJson } from "../../net/json.ts";

const authority = v.object({
  /** Random; distinguishes authorities. */
  id: v.string(),
  /** PEM. */
  certificate: v.string(),
  /** PEM; null once it no longer signs. */
  key: v.nullable(v.string()),
  /** Milliseconds since the epoch, like all instants here. */
  expiresAt: v.number(),
  /** When the last leaf that it signed expires; null while it signs or is going to. */
  retireAt: v.nullable(v.number()),
});

const leafFacts = v.object({
  /** The ID of the authority that signed it. */
  authority: v.string(),
  names: v.array(v.string()),
  issuedAt: v.number(),
  expiresAt: v.number(),
});

const document = v.pipe(
  v.object({ version: v.literal(1), authorities: v.array(authority), leaf: leafFacts }),
  v.check(({ authorities, leaf }) => authorities.some(({ id }) => id === leaf.authority)),
);

export type Authority = Readonly<v.InferOutput<typeof authority>>;

export interface Leaf extends Readonly<v.InferOutput<typeof leafFacts>> {
  /** PEM. */
  readonly certificate: string;
  /** PEM. */
  readonly key: string;
}

/** `authorities` always includes the leaf's. */
export interface CertificateState {
  readonly authorities: readonly Authority[];
  readonly leaf: Leaf;
}

/** The Secret's data. It contains private keys: never log it. */
export function encodeState({ authorities, leaf }: CertificateState): Record<string, string> {
  const { certificate, key, ...facts } = leaf;
  const text = JSON.stringify({ version: 1, authorities, leaf: facts });
  return { "tls.crt": certificate, "tls.key": key, "state.json": text };
}

/** Null if the data is incomplete or invalid, for example after an edit by hand. */
export function decodeState(data: Readonly<Record<string, string>>): CertificateState | null {
  const certificate = data["tls.crt"];
  const key = data["tls.key"];
  const read = v.safeParse(document, parsedJson(data["state.json"] ?? ""));
  if (!read.success || !certificate || !key) return null;
  const { authorities, leaf } = read.output;
  return { authorities, leaf: { ...leaf, certificate, key } };
}

/** What agents trust: every authority that has signed, or will sign, a served certificate. */
export function bundleOf({ authorities }: Pick<CertificateState, "authorities">): string {
  return authorities.map(({ certificate }) => `${certificate.trim()}\n`).join("");
}

/**
 * Decides the next step for the serving certificate, from what is stored, published and remembered,
 * and the time. Pure; `serving_certificate.ts` carries the steps out.
 *
 * The guarantee to agents: every served certificate is signed by an authority that has been in the
 * ConfigMap long enough for all kubelets to have updated their volumes (they refresh them within one
 * to two minutes), and that stays in it until the last leaf it signed has expired.
 */
import type { Authority, CertificateState, Leaf } from "./certificate_state.ts";
import { bundleOf } from "./certificate_state.ts";

const minuteMs = 60_000;
const dayMs = 24 * 60 * minuteMs;

/** Lifetimes and waits, in milliseconds. */
export interface CertificateTerms {
  readonly authorityMs: number;
  readonly leafMs: number;
  /** An authority's remaining lifetime when its successor is created: two lifetimes of a leaf. */
  readonly successionMs: number;
  /** How long an authority is published before it signs a served certificate. */
  readonly leadMs: number;
  /**
   * How long a replica that finds a bundle but no Secret, and remembers no recent state, waits for
   * another replica to restore it.
   */
  readonly restoreMs: number;
}

export const certificateTerms: CertificateTerms = {
  authorityMs: 365 * dayMs,
  leafMs: 30 * dayMs,
  successionMs: 60 * dayMs,
  leadMs: 10 * minuteMs,
  restoreMs: minuteMs,
};

interface CertificateView {
  readonly terms: CertificateTerms;
  readonly now: number;
  /** Since when this replica has seen the cluster: its start, or the end of an API outage. */
  readonly sightSince: number;
  /** The names that the leaf must be valid for. */
  readonly names: readonly string[];
  /** Null: there is no Secret, or it can't be parsed. */
  readonly stored: CertificateState | null;
  /** The last state that this replica saw, and when. */
  readonly remembered: CertificateState | null;
  readonly rememberedAt: number;
  /** The ConfigMap's bundle, or null. */
  readonly published: string | null;
  /** By ID: since when this replica has seen an authority published without interruption. */
  readonly publishedSince: ReadonlyMap<string, number>;
  readonly served: Leaf | null;
}

export type CertificateStep =
  /** Another replica may still restore the Secret. */
  | { readonly kind: "wait" }
  /** Create the first authority and leaf. */
  | { readonly kind: "begin" }
  | { readonly kind: "store"; readonly state: CertificateState }
  | { readonly kind: "publish"; readonly bundle: string }
  /** Create the next authority, in addition to the existing ones. */
  | { readonly kind: "succeed"; readonly state: CertificateState }
  | {
    readonly kind: "issue";
    readonly state: CertificateState;
    readonly by: Authority;
    readonly names: readonly string[];
  }
  /** Everything is up to date. */
  | { readonly kind: "serve"; readonly leaf: Leaf }
  /** Up to date, but keep serving the old leaf until all agents know the new leaf's authority. */
  | { readonly kind: "hold" };

export function nextStep(view: CertificateView): CertificateStep {
  if (!view.stored) return restoration(view);
  const state = reconciled(view.stored, view.remembered, view.now);
  if (!sameAuthorities(state, view.stored)) return { kind: "store", state };
  const bundle = bundleOf(state);
  if (view.published !== bundle) return { kind: "publish", bundle };
  return issuance(view, state) ?? succession(view, state) ?? serving(view, state.leaf);
}

function restoration(view: CertificateView): CertificateStep {
  const { remembered, rememberedAt, sightSince, published, now, terms } = view;
  // A state from before an API outage may be old; other replicas, if any, may have a newer one.
  if (remembered && rememberedAt >= sightSince) return { kind: "store", state: remembered };
  const others = remembered !== null || (published ?? "").trim() !== "";
  if (others && now - sightSince < terms.restoreMs) return { kind: "wait" };
  return remembered ? { kind: "store", state: remembered } : { kind: "begin" };
}

/**
 * The stored state without expired authorities, and with those missing from it that this replica
 * knows to have signed leaves that are still valid and may still be served.
 */
function reconciled(
  stored: CertificateState,
  remembered: CertificateState | null,
  now: number,
): CertificateState {
  const known = new Set(stored.authorities.map(({ id }) => id));
  const lost = remembered ? retired(remembered).filter(({ id }) => !known.has(id)) : [];
  const authorities = [...stored.authorities, ...lost].filter((authority) =>
    authority.id === stored.leaf.authority || (authority.retireAt ?? Infinity) > now
  );
  return { authorities, leaf: stored.leaf };
}

/** The authorities of a state whose leaf has been replaced, except those that never signed. */
function retired({ authorities, leaf }: CertificateState): Authority[] {
  return authorities.flatMap((authority) => {
    if (authority.id === leaf.authority) return [retiredWith(authority, leaf)];
    return authority.retireAt === null ? [] : [authority];
  });
}

function retiredWith(authority: Authority, leaf: Leaf): Authority {
  return { ...authority, key: null, retireAt: leaf.expiresAt };
}

function sameAuthorities(a: CertificateState, b: CertificateState): boolean {
  const ids = (state: CertificateState) => state.authorities.map(({ id }) => id).join();
  return ids(a) === ids(b);
}

function signerOf({ authorities, leaf }: CertificateState): Authority | undefined {
  return authorities.find(({ id }) => id === leaf.authority);
}

function successorOf({ authorities, leaf }: CertificateState): Authority | undefined {
  return authorities.find(({ id, key, retireAt }) =>
    id !== leaf.authority && key !== null && retireAt === null
  );
}

function issuance(view: CertificateView, state: CertificateState): CertificateStep | null {
  const { now, names } = view;
  const successor = successorOf(state);
  if (successor && maySign(view, state, successor)) {
    return { kind: "issue", state, by: successor, names };
  }
  const signer = signerOf(state);
  if (!signer || signer.key === null || signer.expiresAt <= now) return null;
  if (leafIsDue(state.leaf, now)) return { kind: "issue", state, by: signer, names };
  const missing = names.filter((name) => !state.leaf.names.includes(name));
  if (missing.length === 0) return null;
  // Replicas of two versions may need different names; with all of them, neither undoes the other.
  return { kind: "issue", state, by: signer, names: [...state.leaf.names, ...missing] };
}

function maySign(view: CertificateView, state: CertificateState, successor: Authority): boolean {
  const since = view.publishedSince.get(successor.id);
  if (since === undefined) return false;
  const signer = signerOf(state);
  // If nothing valid can be served, waiting helps no one.
  const nothingValid = !signer || signer.expiresAt <= view.now;
  return nothingValid || view.now - since >= view.terms.leadMs;
}

function leafIsDue({ issuedAt, expiresAt }: Leaf, now: number): boolean {
  return expiresAt - now < (expiresAt - issuedAt) / 3;
}

function succession(view: CertificateView, state: CertificateState): CertificateStep | null {
  const signer = signerOf(state);
  const left = signer && signer.key !== null ? signer.expiresAt - view.now : 0;
  if (left >= view.terms.successionMs || successorOf(state)) return null;
  return { kind: "succeed", state };
}

function serving(view: CertificateView, leaf: Leaf): CertificateStep {
  const { served, now, publishedSince } = view;
  const since = publishedSince.get(leaf.authority) ?? now;
  const sameTrust = served?.authority === leaf.authority;
  const nothingValid = served === null || served.expiresAt <= now;
  if (sameTrust || nothingValid || now - since >= view.terms.leadMs) {
    return { kind: "serve", leaf };
  }
  return { kind: "hold" };
}

/** The state after `leaf` has been issued, by the same or another authority. */
export function withLeaf(state: CertificateState, leaf: Leaf): CertificateState {
  if (leaf.authority === state.leaf.authority) return { ...state, leaf };
  const authorities = state.authorities.map((authority) =>
    authority.id === state.leaf.authority ? retiredWith(authority, state.leaf) : authority
  );
  return { authorities, leaf };
}

/**
 * Decides what comes next for the serving certificate, from what is stored, published, remembered
 * and the time; pure. `serving_certificate.ts` does what it says.
 *
 * The promise to agents: whatever is served is signed by an authority that the ConfigMap has shown
 * long enough for every kubelet to have brought it to its node (they refresh volumes within one to
 * two minutes), and that stays there until the last leaf it signed has ended.
 */
import type { Authority, CertificateState, Leaf } from "./certificate_state.ts";
import { bundleOf } from "./certificate_state.ts";

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

/** How long things last and are waited for, in milliseconds. */
export interface CertificateTerms {
  readonly authorityMs: number;
  readonly leafMs: number;
  /** What is left of an authority when its successor is made: two leaves' lives. */
  readonly successionMs: number;
  /** How long an authority is published before it signs what is served. */
  readonly leadMs: number;
  /**
   * A replica that finds no Secret, but a published bundle, and has no memory or an old one, waits
   * this long for another to put it back.
   */
  readonly restoreMs: number;
}

export const certificateTerms: CertificateTerms = {
  authorityMs: 365 * DAY,
  leafMs: 30 * DAY,
  successionMs: 60 * DAY,
  leadMs: 10 * MINUTE,
  restoreMs: MINUTE,
};

interface CertificateView {
  readonly terms: CertificateTerms;
  readonly now: number;
  /** Since when this replica sees the cluster: its start, or the end of a time without the API. */
  readonly sightSince: number;
  /** What the leaf must be good for. */
  readonly names: readonly string[];
  /** Null: no Secret, or none that can be read. */
  readonly stored: CertificateState | null;
  /** The last state that this replica has seen, and when. */
  readonly remembered: CertificateState | null;
  readonly rememberedAt: number;
  /** The ConfigMap's text, or null. */
  readonly published: string | null;
  /** By id: since when this replica has seen an authority published without a break. */
  readonly publishedSince: ReadonlyMap<string, number>;
  readonly served: Leaf | null;
}

export type CertificateStep =
  /** Another replica may still restore what is lost. */
  | { readonly kind: "wait" }
  /** Make the first authority and leaf. */
  | { readonly kind: "begin" }
  | { readonly kind: "store"; readonly state: CertificateState }
  | { readonly kind: "publish"; readonly bundle: string }
  /** Make the next authority, beside those that are there. */
  | { readonly kind: "succeed"; readonly state: CertificateState }
  | {
    readonly kind: "issue";
    readonly state: CertificateState;
    readonly by: Authority;
    readonly names: readonly string[];
  }
  /** All is in order. */
  | { readonly kind: "serve"; readonly leaf: Leaf }
  /** In order, but what is served stays until agents surely know the new leaf's authority. */
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
  // What was seen before a time without the API may be old: others know better, if there are any.
  if (remembered && rememberedAt >= sightSince) return { kind: "store", state: remembered };
  const others = remembered !== null || (published ?? "").trim() !== "";
  if (others && now - sightSince < terms.restoreMs) return { kind: "wait" };
  return remembered ? { kind: "store", state: remembered } : { kind: "begin" };
}

/**
 * The stored state, without authorities whose time is over, and with those that this replica knows
 * to have signed leaves still valid: somebody has lost them, and their leaves may be served.
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

/** The authorities of a state whose leaf is no longer the one, those that never signed left out. */
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
  // Replicas of two versions may want different names: with all of them neither undoes the other.
  return { kind: "issue", state, by: signer, names: [...state.leaf.names, ...missing] };
}

function maySign(view: CertificateView, state: CertificateState, successor: Authority): boolean {
  const since = view.publishedSince.get(successor.id);
  if (since === undefined) return false;
  const signer = signerOf(state);
  // Where nothing valid can be served, waiting would help nobody.
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

/** The state once `leaf` has been signed by another authority, or by the same one again. */
export function withLeaf(state: CertificateState, leaf: Leaf): CertificateState {
  if (leaf.authority === state.leaf.authority) return { ...state, leaf };
  const authorities = state.authorities.map((authority) =>
    authority.id === state.leaf.authority ? retiredWith(authority, state.leaf) : authority
  );
  return { authorities, leaf };
}

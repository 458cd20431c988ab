/** Which of several pods an address belongs to, by what the Kubernetes API says of them. */

interface AddressClaim {
  /** Being deleted. */
  readonly terminating: boolean;
  /** `creationTimestamp`: always UTC in whole seconds, so texts sort as instants do. */
  readonly createdAt: string;
}

/**
 * The claim that holds. A terminating pod keeps its address until a newer pod has it (the API may
 * show both for a while). Undefined for any other two claims: then no pod may be answered.
 */
export function claimant<C extends AddressClaim>(claims: readonly C[]): C | undefined {
  const [first, ...others] = claims;
  if (first === undefined) return undefined;
  const newest = others.reduce((a, b) => b.createdAt > a.createdAt ? b : a, first);
  const yields = (claim: C) => claim.terminating && claim.createdAt < newest.createdAt;
  return claims.every((claim) => claim === newest || yields(claim)) ? newest : undefined;
}

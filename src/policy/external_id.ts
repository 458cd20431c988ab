/** Checks an external ID against AssumeRole's limits. Its value never goes into a message. */

const pattern = /^[A-Za-z0-9_+=,.@:/-]*$/;

/** What is wrong with it, without quoting it; null if it is valid. */
export function externalIdProblem(externalId: string): string | null {
  // ExternalId of AssumeRole: 2 to 1224 of [\w+=,.@:\/-].
  if (externalId.length < 2) return "is shorter than 2 characters";
  if (externalId.length > 1224) return "is longer than 1224 characters";
  return pattern.test(externalId) ? null : "contains a character that STS doesn't accept";
}

/**
 * Assumes roles with tokens of the pods' own ServiceAccounts. A token is bound to any live pod that
 * needs the role; if that pod ends meanwhile, another one's is used.
 */
import type { PodFacts, RoleIdentity, WebIdentity } from "../../policy/facts.ts";
import type { AssumeRole, Credentials, RequestToken } from "../ports.ts";
import { tokenPending, tokenRefused } from "./credential_fault.ts";

interface WebIdentityOptions {
  readonly pod: (uid: string) => PodFacts | undefined;
  readonly requestToken: RequestToken;
  readonly assumeRole: AssumeRole;
  /** Why no token may be requested; null if the fence is in place. */
  readonly fenceProblem: () => Promise<string | null>;
}

/** However many pods end at once, the queue isn't held up by them. */
const maxTries = 3;

/** `holders` are the UIDs of pods that need the role. */
export async function assumeWithWebIdentity(
  options: WebIdentityOptions,
  identity: RoleIdentity & { readonly webIdentity: WebIdentity },
  holders: readonly string[],
  signal: AbortSignal,
): Promise<Credentials> {
  const { webIdentity } = identity;
  const problem = await options.fenceProblem();
  if (problem !== null) throw tokenRefused(`no ServiceAccount token is requested: ${problem}`);
  const token = await tokenOf(options, webIdentity, holders, signal);
  return await options.assumeRole(identity, signal, { webIdentityToken: token });
}

async function tokenOf(
  options: WebIdentityOptions,
  webIdentity: WebIdentity,
  holders: readonly string[],
  signal: AbortSignal,
): Promise<string> {
  const { namespace, serviceAccount } = webIdentity;
  const subject = `serviceaccount ${namespace}/${serviceAccount}`;
  for (const pod of livePods(options, webIdentity, holders)) {
    const answer = await requested(options, { webIdentity, pod, subject }, signal);
    if (answer.kind === "token") return answer.token;
    if (answer.kind === "forbidden") throw tokenRefused(forbidden(subject, namespace));
  }
  throw tokenPending(`${subject} has no running pod that a token can be bound to, or is deleted`);
}

interface TokenAttempt {
  readonly webIdentity: WebIdentity;
  readonly pod: PodFacts;
  readonly subject: string;
}

async function requested(
  { requestToken }: WebIdentityOptions,
  { webIdentity, pod: { name, uid }, subject }: TokenAttempt,
  signal: AbortSignal,
) {
  try {
    return await requestToken({ ...webIdentity, pod: { name, uid } }, signal);
  } catch (fault) {
    signal.throwIfAborted();
    const message = `the API server gives no token of ${subject}; the server tries again`;
    throw tokenPending(message, fault);
  }
}

/** Those that aren't being deleted come first. */
function livePods(
  { pod }: WebIdentityOptions,
  { namespace, serviceAccount }: WebIdentity,
  holders: readonly string[],
): PodFacts[] {
  return holders.map(pod).filter((one) => one !== undefined)
    .filter((one) => one.namespace === namespace && one.serviceAccount === serviceAccount)
    .filter(({ terminal }) => !terminal)
    .toSorted((a, b) => Number(a.terminating) - Number(b.terminating))
    .slice(0, maxTries);
}

function forbidden(subject: string, namespace: string): string {
  return `the API server refuses a token of ${subject}: label namespace ${namespace} with ` +
    "rolecall.dev/service-account-tokens=allowed, and deploy the component federated";
}

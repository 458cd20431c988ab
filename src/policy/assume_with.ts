/**
 * Whether a pod's role is assumed by the server, or with a token of the pod's own ServiceAccount
 * (AssumeRoleWithWebIdentity). STS takes no external ID, tags, source identity or other principal with
 * the latter, so what sets one of them is a denial and not dropped.
 */
import { type Checked, denial, passed, quoted } from "./denial_text.ts";
import type { Denial, NamespaceFacts, PodFacts, PolicySettings, WebIdentity } from "./facts.ts";
import { namespaceName, podName } from "./requested_role.ts";

const key = "iam.amazonaws.com/assume-with";

/** The ServiceAccount whose token is used; null if the server assumes the role itself. */
export function assumeWith(
  pod: PodFacts,
  namespace: NamespaceFacts,
  settings: PolicySettings,
): Checked<WebIdentity | null> {
  const mode = namespace.assumeWith || settings.assumeWith;
  if (mode === "server") return passed(null);
  if (mode !== "service-account") return { denial: invalid(namespace) };
  const conflict = conflicts(pod, namespace, settings)[0];
  if (conflict !== undefined) return { denial: denial("AssumeWithConflict", conflict) };
  const { serviceAccount } = pod;
  return passed({
    namespace: pod.namespace,
    serviceAccount,
    audience: settings.webIdentityAudience,
  });
}

/** What AssumeRoleWithWebIdentity doesn't take, each with its place and remedy. */
function conflicts(pod: PodFacts, namespace: NamespaceFacts, settings: PolicySettings): string[] {
  const place = namespaceName(namespace.name);
  const remedy = `remove it, or set ${key}: server on the namespace`;
  const written = [
    [podName(pod), "iam.amazonaws.com/external-id", pod.externalId],
    [place, "iam.amazonaws.com/external-id", namespace.externalId],
    [place, "iam.amazonaws.com/assume-role", namespace.assumeRole],
  ] as const;
  const ofServer = [
    ["--external-id", settings.externalIdTemplate !== null],
    ["--session-tags or --session-tag", settings.sessionTags.length > 0],
    ["--source-identity", settings.sourceIdentityTemplate !== null],
  ] as const;
  return [
    ...written.filter(([, , value]) => value !== null && value !== "")
      .map(([where, annotation]) => `${where}: ${annotation} ${unsent}; ${remedy}`),
    ...ofServer.filter(([, isSet]) => isSet)
      .map(([flag]) =>
        `${place}: the server's ${flag} ${unsent}; set ${key}: server on the namespace`
      ),
  ];
}

const unsent = "can't be sent with a ServiceAccount's token (assume-with: service-account)";

function invalid({ name, assumeWith: written }: NamespaceFacts): Denial {
  const found = `${namespaceName(name)}: ${key} ${quoted(written ?? "", 60)} is not valid`;
  return denial("AssumeWithInvalid", `${found}; write server or service-account`);
}

/**
 * Which external ID is sent for a pod: its namespace's annotation, else the operator's template, else
 * its own annotation. An ID that namespace or template set proves where the pod is: no annotation
 * of another namespace gets it. IDs never go into a message.
 */
import { type Checked, denial, passed } from "./denial_text.ts";
import type { Denial, NamespaceFacts, PodFacts, PolicySettings } from "./facts.ts";
import { type NamespaceExpression, namespaceExpression } from "./namespace_expression.ts";
import { namespaceName, podName } from "./requested_role.ts";
import { fillIn, isAmbiguous, templateParts, templateProblem } from "./template.ts";

/** The IDs for a pod's role and for its namespace's trust role; null sends none. */
interface PodExternalIds {
  readonly role: string | null;
  readonly trustRole: string | null;
}

type Settings = Pick<PolicySettings, "externalIdTemplate" | "externalIdPermitted" | "clusterName">;

const key = "iam.amazonaws.com/external-id";
/** ExternalId of AssumeRole: 2 to 1224 of `[\w+=,.@:\/-]`. */
const characters = /^[A-Za-z0-9_+=,.@:/-]*$/;
/** No name of a namespace or ServiceAccount has one of these. */
const separators = /[/:,=@+_]/;

/** What is wrong with an ID, without quoting it; null if it is valid. */
export function externalIdProblem(externalId: string): string | null {
  if (externalId.length < 2) return "is shorter than 2 characters";
  if (externalId.length > 1224) return "is longer than 1224 characters";
  return characters.test(externalId) ? null : "contains a character that STS doesn't accept";
}

/** What is wrong with a template, or null. Its IDs differ for any two ServiceAccounts it names. */
export function externalIdTemplateProblem(
  template: string,
  clusterName: string | null,
): string | null {
  const problem = templateProblem(template, clusterName, [
    "cluster",
    "namespace",
    "serviceAccount",
  ]);
  if (problem !== null) return problem;
  const text = textOf(template);
  if (!characters.test(text)) return "contains a character that STS doesn't accept";
  if (!template.includes("{namespace}")) {
    return "lacks {namespace}: every namespace would have the same external ID";
  }
  if (isAmbiguous(template, separators)) {
    return "needs one of /:,=@+_ between any two placeholders: others occur in names";
  }
  if (longest(template, clusterName ?? "") > 1224) return "can be longer than 1224 characters";
  return template.includes("{cluster}") ? clusterProblem(clusterName ?? "", text) : null;
}

/** Decides on external IDs for one set of settings. */
export class ExternalIds {
  readonly #settings: Settings;
  readonly #permitted: NamespaceExpression;
  /** Matches IDs that the template can give; its groups are the namespace. */
  readonly #templated: RegExp | null;
  readonly #trustRoleTemplate: string | null;

  constructor(settings: Settings) {
    const { externalIdTemplate: template } = settings;
    this.#settings = settings;
    this.#permitted = namespaceExpression(settings.externalIdPermitted);
    this.#trustRoleTemplate = template === null ? null : withoutServiceAccount(template);
    this.#templated = template === null ? null : new RegExp(
      `^(?:${this.#pattern(template)}|${this.#pattern(this.#trustRoleTemplate!)})$`,
      "i",
    );
  }

  idsOf(pod: PodFacts, namespace: NamespaceFacts): Checked<PodExternalIds> {
    if (namespace.externalId !== null) return this.#fromNamespace(pod, namespace);
    if (this.#settings.externalIdTemplate !== null) return this.#fromTemplate(pod);
    return this.#fromPod(pod);
  }

  #fromNamespace(pod: PodFacts, { name, externalId }: NamespaceFacts): Checked<PodExternalIds> {
    const id = externalId || null;
    const where = namespaceName(name);
    const problem = id === null ? null : externalIdProblem(id);
    if (problem !== null) return { denial: invalid(`${where}: ${key}`, problem) };
    if (id !== null && (!this.#permitted.permits(name, id) || this.#belongsToAnother(name, id))) {
      return { denial: notPermitted(where, this.#settings.externalIdPermitted) };
    }
    return fixed(pod, { role: id, trustRole: id }, `${where}: ${key}`);
  }

  #fromTemplate(pod: PodFacts): Checked<PodExternalIds> {
    const fill = (template: string) =>
      fillIn(template, {
        namespace: pod.namespace,
        serviceAccount: pod.serviceAccount,
        cluster: this.#settings.clusterName ?? "",
        pod: "",
        role: "",
        uid: "",
      });
    const role = fill(this.#settings.externalIdTemplate ?? "");
    const trustRole = fill(this.#trustRoleTemplate ?? "");
    const problem = externalIdProblem(role);
    if (problem !== null) return { denial: invalid(`${podName(pod)}: --external-id`, problem) };
    return fixed(pod, { role, trustRole }, "the server's --external-id");
  }

  /** No pod may request what the operator's expression reserves for namespaces. */
  #fromPod(pod: PodFacts): Checked<PodExternalIds> {
    const id = pod.externalId || null;
    const problem = id === null ? null : externalIdProblem(id);
    if (problem !== null) return { denial: invalid(`${podName(pod)}: ${key}`, problem) };
    const { permits, permitsAny } = this.#permitted;
    if (id !== null && permitsAny(id) && !permits(pod.namespace, id)) {
      return { denial: notPermitted(podName(pod), this.#settings.externalIdPermitted) };
    }
    return passed({ role: id, trustRole: null });
  }

  /** Whether the template gives this ID to a ServiceAccount of another namespace. */
  #belongsToAnother(namespace: string, id: string): boolean {
    const groups = this.#templated?.exec(id)?.slice(1) ?? [];
    return groups.some((found) => found !== undefined && found !== namespace);
  }

  #pattern(template: string): string {
    const named: Record<string, string> = {
      namespace: "([a-z0-9-]+)",
      serviceAccount: "[a-z0-9.-]+",
      cluster: escaped(this.#settings.clusterName ?? ""),
    };
    return templateParts(template).map((part) =>
      "text" in part ? escaped(part.text) : named[part.placeholder] ?? ""
    ).join("");
  }
}

/** A pod may repeat the ID that is set for it, and can't choose another one. */
function fixed(pod: PodFacts, ids: PodExternalIds, by: string): Checked<PodExternalIds> {
  if (pod.externalId === null || pod.externalId === (ids.role ?? "")) return passed(ids);
  const found = `${podName(pod)}: ${key} differs from the one set by ${by}`;
  return { denial: denial("ExternalIdFixed", `${found}; remove the pod's annotation`) };
}

function invalid(where: string, problem: string): Denial {
  const remedy = "write 2 to 1224 of letters, digits and _+=,.@:/-, or remove it";
  return denial("ExternalIdInvalid", `${where} ${problem}; ${remedy}`);
}

function notPermitted(where: string, expression: string | null): Denial {
  const why = expression === null
    ? "is not permitted, since the server has no --external-id-permitted"
    : "is not one that --external-id-permitted permits to this namespace";
  return denial(
    "ExternalIdNotPermitted",
    `${where}: ${key} ${why}; change it, or ask the operator`,
  );
}

/** The template for the whole namespace: without `{serviceAccount}` and the text that separates it. */
function withoutServiceAccount(template: string): string {
  const parts = templateParts(template);
  const names = parts.map((part) => "placeholder" in part ? part.placeholder : null);
  const dropped = new Set<number>();
  for (const [at, name] of names.entries()) {
    if (name !== "serviceAccount") continue;
    const isFirst = names.slice(0, at).every((before) => before === null);
    dropped.add(at).add(isFirst ? at + 1 : at - 1);
  }
  return parts.filter((_, at) => !dropped.has(at))
    .map((part) => "text" in part ? part.text : `{${part.placeholder}}`).join("");
}

function textOf(template: string): string {
  return templateParts(template).map((part) => "text" in part ? part.text : "").join("");
}

function longest(template: string, cluster: string): number {
  const lengths: Record<string, number> = { namespace: 63, serviceAccount: 253 };
  return templateParts(template).reduce(
    (sum, part) =>
      sum + ("text" in part ? part.text.length : lengths[part.placeholder] ?? cluster.length),
    0,
  );
}

function clusterProblem(cluster: string, text: string): string | null {
  if (!characters.test(cluster)) {
    return "has {cluster}, and --cluster-name contains a character that STS doesn't accept";
  }
  const shared = [...cluster].find((one) => separators.test(one) && text.includes(one));
  if (shared === undefined) return null;
  return `separates by ${shared}, which --cluster-name contains: use another one of /:,=@+_`;
}

function escaped(text: string): string {
  return text.replace(/[.+/*?^${}()|[\]\\-]/g, "\\$&");
}

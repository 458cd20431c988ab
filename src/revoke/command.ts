/**
 * The `revoke` command: prints policies that deny leaked credentials in AWS, and applies none of
 * them.
 */
import * as v from "valibot";
import { refuse } from "../cli/command.ts";
import type { FlagValues } from "../cli/flags.ts";
import { parseFlags } from "../cli/parse_flags.ts";
import { counted } from "../cli/quantities.ts";
import { shellWord } from "../cli/shell_word.ts";
import { contextNamespace } from "../kubernetes/client/kubeconfig.ts";
import { usualKubeconfig } from "../kubernetes/client/kubeconfig_files.ts";
import { parseRoleArn } from "../policy/role_arn.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { statusTarget } from "../status_client/flags.ts";
import { structuredText } from "../status_client/output.ts";
import { type StatusClient, withStatusClient } from "../status_client/status_client.ts";
import { StatusFault } from "../status_client/status_fault.ts";
import { systemClock } from "../time/system_clock.ts";
import { revokeFlags } from "./flags.ts";
import { revocation, type RevokedRole, type Subject } from "./revocation.ts";

type Values = FlagValues<typeof revokeFlags>;

/** In addition to 0, and to 2 for wrong settings. */
const exitCodes = { fault: 1, nothing: 3, notFound: 4 } as const;

const text = v.nullable(v.string());
const summarySchema = v.object({
  at: v.string(),
  callerArns: v.optional(v.array(v.string()), []),
  pods: v.array(v.object({
    namespace: v.string(),
    name: v.string(),
    node: text,
    roleArn: text,
    sessionName: text,
    sourceIdentity: v.optional(text, null),
  })),
  replicas: v.array(v.object({ replica: v.string(), problem: text })),
});
const renewedSchema = v.object({
  replicas: v.array(v.object({ replica: v.string(), renewing: v.number(), problem: text })),
});
type Summary = v.InferOutput<typeof summarySchema>;
type Renewed = v.InferOutput<typeof renewedSchema>["replicas"];

export async function runRevoke(runtime: Runtime, args: readonly string[]): Promise<number> {
  const parsed = parseFlags(revokeFlags, args, runtime.env);
  const { values, positionals } = parsed;
  const { subject, problems } = subjectOf(values, positionals);
  const all = [...(parsed.kind === "problems" ? parsed.problems : []), ...problems];
  if (all.length > 0 || subject === null) return refuse(runtime, all);
  try {
    const found = subject.kind === "pod" && subject.namespace === ""
      ? { ...subject, namespace: await defaultNamespace(runtime, values) }
      : subject;
    return await withStatusClient(runtime, statusTarget(values), (client) => {
      return revoked(runtime, client, values, found);
    });
  } catch (fault) {
    if (!(fault instanceof StatusFault)) throw fault;
    runtime.writeError(`revoke: ${fault.message}\n`);
    return exitCodes.fault;
  }
}

const expected = "expected pod/NAME, pod/NAMESPACE/NAME, node/NAME or role/ARN";

/** An empty namespace is the context's. */
function subjectOf(
  { namespace }: Values,
  [first, ...strays]: readonly string[],
): { readonly subject: Subject | null; readonly problems: readonly string[] } {
  const refuse = (problem: string) => ({ subject: null, problems: [`${problem}; ${expected}`] });
  if (first === undefined) return refuse("revoke: nothing to revoke");
  if (strays.length > 0) return refuse(`${strays[0]}: unexpected`);
  const [kind, ...rest] = first.split("/");
  const name = rest.join("/");
  const accept = (subject: Subject) => ({ subject, problems: [] });
  if (kind === "role" && parseRoleArn(name).kind === "role") return accept({ kind, arn: name });
  if (kind === "node" && rest.length === 1 && name !== "") return accept({ kind, name });
  if (kind === "pod" && !rest.includes("")) {
    if (rest.length === 1) return accept({ kind, namespace, name });
    if (rest.length === 2) {
      const [own = "", podName = ""] = rest;
      if (namespace === "" || namespace === own) {
        return accept({ kind, namespace: own, name: podName });
      }
      const given = JSON.stringify(namespace);
      const problem = `--namespace: ${given} is not valid; expected ${own} or none`;
      return { subject: null, problems: [problem] };
    }
  }
  return refuse(`${first}: is not valid`);
}

function defaultNamespace(runtime: Runtime, { context }: Values): Promise<string> {
  return contextNamespace(usualKubeconfig(runtime.env), {
    runtime,
    clock: systemClock,
    context: context || null,
  });
}

async function revoked(
  runtime: Runtime,
  client: StatusClient,
  values: Values,
  subject: Subject,
): Promise<number> {
  const summary = await client.summary(summarySchema);
  const { pods, at, callerArns } = summary;
  const roles = revocation(subject, { all: pods, issuedBefore: at, callerArns });
  if (roles.length === 0) return nothingToRevoke(runtime, subject, summary);
  const renewed = values.renew ? await renew(client, roles, at) : null;
  const result = { issuedBefore: at, roles, renewed };
  runtime.writeOut(
    values.output === "text" ? revokedText(result) : structuredText(values.output, result),
  );
  const problems = [
    ...summary.replicas.map(({ replica, problem }) => ({ replica, problem, what: "answer" })),
    ...(renewed ?? []).map(({ replica, problem }) => ({ replica, problem, what: "renew" })),
  ].filter(({ problem }) => problem !== null);
  for (const { replica, problem, what } of problems) {
    runtime.writeError(`revoke: replica ${replica} didn't ${what}: ${problem}\n`);
  }
  return problems.length === 0 ? 0 : exitCodes.fault;
}

function nothingToRevoke(runtime: Runtime, subject: Subject, { pods }: Summary): number {
  const isKnown = subject.kind === "node"
    ? pods.some(({ node }) => node === subject.name)
    : subject.kind === "pod" &&
      pods.some(({ namespace, name }) => namespace === subject.namespace && name === subject.name);
  const [shown, absent] = subject.kind === "pod"
    ? [`pod ${subject.namespace}/${subject.name}`, "there is no such pod"]
    : [`node ${subject.kind === "node" ? subject.name : ""}`, "no pod runs on such a node"];
  const why = isKnown ? "there is no role to revoke now" : absent;
  runtime.writeError(
    `revoke: ${shown}: ${why}; for credentials that were issued earlier, name role/ARN\n`,
  );
  return isKnown ? exitCodes.nothing : exitCodes.notFound;
}

async function renew(
  client: StatusClient,
  roles: readonly RevokedRole[],
  issuedBefore: string,
): Promise<Renewed> {
  const sessions = roles.flatMap(({ arn, sessionNames }) =>
    (sessionNames ?? [null]).map((sessionName) => ({ arn, sessionName }))
  );
  const { replicas } = await client.post("/api/renew", { issuedBefore, sessions }, renewedSchema);
  return replicas;
}

interface Result {
  readonly issuedBefore: string;
  readonly roles: readonly RevokedRole[];
  /** Null without `--renew`. */
  readonly renewed: Renewed | null;
}

function revokedText({ issuedBefore, roles, renewed }: Result): string {
  const renewing = renewed?.reduce((sum, one) => sum + one.renewing, 0) ?? 0;
  const lines = [
    `# Denies sessions issued before ${issuedBefore}. Nothing has been changed in AWS.`,
    ...roles.flatMap(({ arn, policyName, policy, sessionNames, pods, alsoAffected, warnings }) => [
      "",
      `# ${arn}`,
      `# Intended for: ${pods.length === 0 ? "no running pod" : pods.join(", ")}`,
      sessionNames === null
        ? "# Also affected: all other sessions of this role, including those not from Rolecall"
        : `# Also affected: ${
          alsoAffected.length === 0 ? "no other pod" : alsoAffected.join(", ")
        }`,
      ...warnings.map((warning) => `# Warning: ${warning}`),
      `aws iam put-role-policy --role-name ${shellWord(arn.split("/").at(-1)!)} ` +
      `--policy-name ${policyName} --policy-document ${shellWord(JSON.stringify(policy))}`,
    ]),
    "",
    renewed === null
      ? "# Until the next renewal, pods still get the credentials that this denies; --renew replaces them"
      : `# The servers renew ${counted(renewing, "session")}.`,
    "# Restart the pods above: SDKs keep their credentials until shortly before they expire.",
  ];
  return lines.map((line) => `${line}\n`).join("");
}

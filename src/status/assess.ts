/** The state of an installation from a server's merged summary, and what is wrong with it. Pure. */
import * as v from "valibot";
import { type Cause, causesOf } from "../status_client/denied_pods.ts";

const text = v.nullable(v.string());

/** The part of `/api/summary` that is used here. */
export const summarySchema = v.object({
  at: v.string(),
  replicas: v.array(v.object({
    replica: v.string(),
    version: text,
    missing: v.array(v.string()),
    watchAgeSeconds: v.nullable(v.number()),
    /** Absent from servers of older versions. */
    certificate: v.optional(v.nullable(v.object({ expiresAt: text, problem: text })), null),
    problem: text,
  })),
  agents: v.array(v.object({
    node: v.string(),
    connectedAt: text,
    report: v.nullable(v.object({
      version: v.string(),
      ready: v.boolean(),
      redirect: v.object({
        kind: v.string(),
        inPlace: v.boolean(),
        guarded: v.exactOptional(v.boolean()),
      }),
      instanceAnswersWithoutToken: v.exactOptional(v.boolean()),
      closedFromBoot: v.exactOptional(v.boolean()),
      identity: v.exactOptional(v.string()),
      withoutTokenSince: v.exactOptional(v.string()),
    })),
  })),
  pods: v.array(v.object({
    namespace: v.string(),
    name: v.string(),
    node: text,
    hostNetwork: v.boolean(),
    lastWithoutToken: v.optional(text, null),
    state: v.string(),
    reason: text,
    message: text,
  })),
});
export type Summary = v.InferOutput<typeof summarySchema>;
type Agent = Summary["agents"][number];

export interface Status {
  readonly healthy: boolean;
  /** What to look at, a line each, the most urgent first. */
  readonly problems: readonly string[];
  readonly servers: {
    readonly ready: number;
    readonly total: number;
    readonly versions: readonly string[];
  };
  readonly agents: {
    readonly ready: number;
    readonly total: number;
    readonly versions: readonly string[];
  };
  /** Number of agents by kind of redirect, state of the boot guard, and source of identity. */
  readonly redirect: Readonly<Record<string, number>>;
  readonly bootGuard: Readonly<Record<string, number>>;
  readonly identity: Readonly<Record<string, number>>;
  /** Number of pods by state. */
  readonly pods: Readonly<Record<string, number>>;
  readonly denied: readonly Cause[];
  readonly certificates: {
    /** The earliest end of those that servers use; null if none is known. */
    readonly expiresAt: string | null;
  };
  readonly withoutToken: TokenUse;
}

/** Which namespaces' pods make requests without a token, and would break if tokens were required. */
interface TokenUse {
  readonly safe: readonly string[];
  readonly unsafe: readonly { readonly namespace: string; readonly pods: readonly string[] }[];
  /** Since when every agent has recorded such requests; null if some agent doesn't say. */
  readonly since: string | null;
}

/** As in the alert RolecallCertificateEnding; servers renew well before. */
const endingMs = 5 * 86_400_000;

export function assess({ at, replicas, agents, pods }: Summary): Status {
  const servers = replicas.filter(({ problem, missing }) =>
    problem === null && missing.length === 0
  );
  const problems = [
    ...replicas.flatMap(serverProblems),
    ...replicas.flatMap((replica) => certificateProblems(replica, Date.parse(at))),
    ...agents.flatMap(agentProblems),
    ...nodesWithoutAgent({ agents, pods }),
  ];
  const serverVersions = distinct(replicas.map(({ version }) => version));
  const agentVersions = distinct(agents.map(({ report }) => report?.version));
  const skew = distinct([...serverVersions, ...agentVersions]);
  if (skew.length > 1) problems.push(`versions differ: ${skew.join(", ")}; finish the upgrade`);
  const refused = pods.filter(({ state }) => state === "denied" || state === "failed");
  return {
    healthy: problems.length === 0,
    problems,
    servers: { ready: servers.length, total: replicas.length, versions: serverVersions },
    agents: {
      ready: agents.filter((agent) => agentProblems(agent).length === 0).length,
      total: agents.length,
      versions: agentVersions,
    },
    redirect: countsOf(agents.map(({ report }) => report?.redirect.kind ?? "unknown")),
    bootGuard: countsOf(agents.map(({ report }) => bootGuardState(report?.closedFromBoot))),
    identity: countsOf(agents.map(({ report }) => report?.identity ?? "unknown")),
    pods: countsOf(pods.map(({ state }) => state)),
    certificates: {
      expiresAt: earliest(replicas.map(({ certificate }) => certificate?.expiresAt)),
    },
    withoutToken: tokenUse(pods, agents),
    denied: causesOf(refused.map(({ namespace, name, reason, message }) => {
      return { namespace, name, reason: reason ?? "", message: message ?? "" };
    })),
  };
}

function serverProblems({ replica, problem, missing }: Summary["replicas"][number]): string[] {
  if (problem !== null) return [`server ${replica} doesn't answer: ${problem}`];
  return missing.map((what) => `server ${replica} isn't ready: ${what}`);
}

function certificateProblems(
  { replica, certificate }: Summary["replicas"][number],
  now: number,
): string[] {
  const { expiresAt = null, problem = null } = certificate ?? {};
  const isEnding = expiresAt !== null && Date.parse(expiresAt) - now < endingMs;
  return [
    ...(isEnding ? [`server ${replica}: its certificate ends at ${expiresAt}`] : []),
    ...(problem === null ? [] : [`server ${replica}: its certificate: ${problem}`]),
  ];
}

/** Host-network pods don't get their answers from agents. */
function tokenUse(pods: Summary["pods"], agents: readonly Agent[]): TokenUse {
  const own = pods.filter(({ hostNetwork }) => !hostNetwork);
  const unsafe = Map.groupBy(
    own.filter(({ lastWithoutToken }) => lastWithoutToken !== null),
    ({ namespace }) => namespace,
  );
  const since = agents.filter(({ connectedAt }) => connectedAt !== null)
    .map(({ report }) => report?.withoutTokenSince ?? null);
  return {
    safe: distinct(own.map(({ namespace }) => namespace)).filter((name) => !unsafe.has(name)),
    unsafe: [...unsafe].sort(([a], [b]) => a < b ? -1 : 1)
      .map(([namespace, all]) => ({ namespace, pods: all.map(({ name }) => name).sort() })),
    since: since.includes(null) ? null : since.sort().at(-1) ?? null,
  };
}

function earliest(instants: readonly (string | null | undefined)[]): string | null {
  return distinct(instants)[0] ?? null;
}

function agentProblems({ node, connectedAt, report }: Agent): string[] {
  const at = `agent on ${node}`;
  if (connectedAt === null) return [`${at} isn't connected to a server`];
  if (report === null) return [`${at} hasn't reported yet`];
  const { redirect, ready, instanceAnswersWithoutToken, closedFromBoot } = report;
  return [
    ...(ready ? [] : [`${at} isn't ready; see its log and /readyz`]),
    ...(redirect.inPlace || redirect.kind === "none" ? [] : [`${at}: its redirect isn't in place`]),
    ...(redirect.guarded === false ? [`${at}: its routing rules aren't in place`] : []),
    ...(instanceAnswersWithoutToken === true
      ? [`${at}: its instance answers without tokens; set HttpTokens=required`]
      : []),
    ...(closedFromBoot === false
      ? [`${at}: its node is open to pods from boot until it runs; see its log`]
      : []),
  ];
}

function bootGuardState(closed: boolean | undefined): string {
  return closed === undefined ? "not used" : closed ? "in place" : "missing";
}

function nodesWithoutAgent({ agents, pods }: Pick<Summary, "agents" | "pods">): string[] {
  const known = new Set(agents.map(({ node }) => node));
  const served = pods.filter(({ state }) => state === "unserved").map(({ node }) => node);
  return distinct(served).filter((node) => !known.has(node))
    .map((node) => `node ${node} has pods with roles, and no agent`);
}

function distinct(values: readonly (string | null | undefined)[]): string[] {
  return [...new Set(values.filter((value) => value !== null && value !== undefined))].sort();
}

function countsOf(values: readonly string[]): Record<string, number> {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return Object.fromEntries([...counts].sort(([a], [b]) => a < b ? -1 : 1));
}

/**
 * The last two steps of an explanation: where a pod's credentials stand, and whether its node's
 * agent can hand them out. Read from the rows of all replicas.
 */
import { type ExplanationStep, skipped } from "../../../policy/explanation.ts";
import type { AgentRow, PodRow } from "./summary.ts";

interface ServedBy {
  readonly row: PodRow;
  readonly agents: readonly AgentRow[];
  /** Whether every replica has answered; otherwise what isn't seen may still be there. */
  readonly complete: boolean;
}

/** Credentials first, then the agent. */
export function servedSteps(served: ServedBy): readonly ExplanationStep[] {
  const agent = agentStep(served);
  return [credentialsStep(served, agent.state === "ok"), agent];
}

function credentialsStep({ row }: ServedBy, agentThere: boolean): ExplanationStep {
  const step = "credentials";
  if (row.state === "ready") {
    const found = `access key ${row.accessKeyId} until ${row.expiresAt}`;
    return { step, state: "ok", found };
  }
  if (row.state === "failed") return refusedStep(row);
  if (row.state === "unserved" && !agentThere) {
    return skipped(step, "made once the node's agent is connected");
  }
  const last = row.lastFault === null ? "" : `; the last answer: ${row.lastFault}`;
  return {
    step,
    state: "waiting",
    found: `asked of STS, not there yet${last}`,
    reason: "CredentialsPending",
    remedy: "ask again in a few seconds",
  };
}

/** STS's refusals name what was refused first, then what it takes. */
function refusedStep(row: PodRow): ExplanationStep {
  const message = row.message ?? "";
  const again = row.nextAttemptAt === null ? "" : ` (asked again at ${row.nextAttemptAt})`;
  const [, what = message, remedy = ""] = /^(.+?)(?:: |; )(.+)$/.exec(message) ?? [];
  const reason = row.reason ?? "CredentialsFailed";
  return { step: "credentials", state: "failed", found: what + again, reason, remedy, message };
}

function agentStep({ row, agents, complete }: ServedBy): ExplanationStep {
  const { node } = row;
  if (node === null) return waiting("PodUnscheduled", "the pod has no node yet", waitForNode);
  const agent = agents.find((one) => one.node === node && one.connectedAt !== null);
  if (agent === undefined) return absent(node, complete);
  const { report } = agent;
  const named = `${agent.pod} on ${node}`;
  const look = `look at its log: kubectl logs -n ${agent.namespace} ${agent.pod}`;
  if (report?.ready === false) return failed("AgentNotReady", `${named} isn't ready`, look);
  if (report !== null && report.redirect.kind !== "none" && !report.redirect.inPlace) {
    return failed("RedirectMissing", `${named}: its redirect rules aren't in place`, look);
  }
  const redirect = report === null ? "" : `, redirect ${report.redirect.kind}`;
  return { step: "agent", state: "ok", found: `${named}${redirect}` };
}

const waitForNode = "see kubectl describe pod for why it isn't scheduled";

function absent(node: string, complete: boolean): ExplanationStep {
  if (!complete) {
    const found = `not connected to the replicas that answered, and not all did`;
    return waiting("AgentUnknown", found, "ask again, or look at the servers' logs");
  }
  const remedy = `see whether an agent runs there: kubectl get pods -A -o wide ` +
    `-l app.kubernetes.io/name=rolecall-agent --field-selector spec.nodeName=${node}`;
  return failed("AgentAbsent", `no agent of node ${node} is connected`, remedy);
}

function failed(reason: string, found: string, remedy: string): ExplanationStep {
  return { step: "agent", state: "failed", found, reason, remedy };
}

function waiting(reason: string, found: string, remedy: string): ExplanationStep {
  return { step: "agent", state: "waiting", found, reason, remedy };
}

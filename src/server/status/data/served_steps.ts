/**
 * The last two steps of an explanation: the state of the pod's credentials, and whether its node's
 * agent can serve them. From the rows of all replicas.
 */
import { type ExplanationStep, skipped } from "../../../policy/explanation.ts";
import type { AgentRow, PodRow } from "./summary.ts";

interface ServedBy {
  readonly row: PodRow;
  readonly agents: readonly AgentRow[];
  /** Whether every replica answered; if not, the agent may be connected to a silent one. */
  readonly complete: boolean;
}

/** Credentials first, then the agent. */
export function servedSteps(served: ServedBy): readonly ExplanationStep[] {
  const agent = agentStep(served);
  return [credentialsStep(served, agent.state === "ok"), agent];
}

function credentialsStep({ row }: ServedBy, agentConnected: boolean): ExplanationStep {
  const step = "credentials";
  if (row.state === "ready") {
    const found = `access key ${row.accessKeyId} until ${row.expiresAt}`;
    return { step, state: "ok", found };
  }
  if (row.state === "failed") return refusedStep(row);
  if (row.state === "unserved" && !agentConnected) {
    return skipped(step, "requested once the node's agent is connected");
  }
  const last = row.lastFault === null ? "" : `; last error: ${row.lastFault}`;
  return {
    step,
    state: "waiting",
    found: `requested from STS, not issued yet${last}`,
    reason: "CredentialsPending",
    remedy: "check again in a few seconds",
  };
}

/** Messages of STS refusals name what was refused, then the remedy. */
function refusedStep(row: PodRow): ExplanationStep {
  const message = row.message ?? "";
  const next = row.nextAttemptAt === null ? "" : ` (next attempt at ${row.nextAttemptAt})`;
  const [, what = message, remedy = ""] = /^(.+?)(?:: |; )(.+)$/.exec(message) ?? [];
  const reason = row.reason ?? "CredentialsFailed";
  return { step: "credentials", state: "failed", found: what + next, reason, remedy, message };
}

function agentStep({ row, agents, complete }: ServedBy): ExplanationStep {
  const { node } = row;
  if (node === null) return waiting("PodUnscheduled", "the pod has no node yet", waitForNode);
  const agent = agents.find((one) => one.node === node && one.connectedAt !== null);
  if (agent === undefined) return absent(node, complete);
  const { report } = agent;
  const named = `${agent.pod} on ${node}`;
  const remedy = `see its log: kubectl logs -n ${agent.namespace} ${agent.pod}`;
  if (report?.ready === false) return failed("AgentNotReady", `${named} is not ready`, remedy);
  if (report !== null && report.redirect.kind !== "none" && !report.redirect.inPlace) {
    return failed("RedirectMissing", `${named}: its redirect rules are not in place`, remedy);
  }
  const redirect = report === null ? "" : `, redirect ${report.redirect.kind}`;
  const identity = report?.identity === undefined ? "" : `, identity by ${report.identity}`;
  return { step: "agent", state: "ok", found: `${named}${redirect}${identity}` };
}

const waitForNode = "see kubectl describe pod for why it isn't scheduled";

function absent(node: string, complete: boolean): ExplanationStep {
  if (!complete) {
    const found = `not connected to the replicas that answered, but some did not answer`;
    return waiting("AgentUnknown", found, "try again, or see the servers' logs");
  }
  const remedy = `check whether an agent runs there: kubectl get pods -A -o wide ` +
    `-l app.kubernetes.io/name=rolecall-agent --field-selector spec.nodeName=${node}`;
  return failed("AgentAbsent", `the agent of node ${node} is not connected`, remedy);
}

function failed(reason: string, found: string, remedy: string): ExplanationStep {
  return { step: "agent", state: "failed", found, reason, remedy };
}

function waiting(reason: string, found: string, remedy: string): ExplanationStep {
  return { step: "agent", state: "waiting", found, reason, remedy };
}

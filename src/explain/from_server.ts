/** A running server's explanation, or its list of denied pods. */
import * as v from "valibot";
import { type Explanation, stepNames } from "../policy/explanation.ts";
import type { StatusClient } from "../status_client/status_client.ts";
import type { DeniedPod } from "../status_client/denied_pods.ts";
import type { Answer } from "./answer.ts";

const text = v.nullable(v.string());
const explanation = v.object({
  namespace: v.string(),
  pod: v.string(),
  outcome: v.picklist(["credentials", "permitted", "waiting", "denied", "none"]),
  reason: text,
  message: text,
  remedy: text,
  steps: v.array(v.object({
    step: v.picklist(stepNames),
    state: v.picklist(["ok", "failed", "waiting", "skipped"]),
    found: v.string(),
    reason: v.exactOptional(v.string()),
    remedy: v.exactOptional(v.string()),
    message: v.exactOptional(v.string()),
  })),
});
const summary = v.object({
  pods: v.array(v.object({
    namespace: v.string(),
    name: v.string(),
    state: v.string(),
    reason: text,
    message: text,
  })),
  replicas: v.array(v.object({ replica: v.string(), problem: text })),
});

/** @throws {StatusFault} */
export async function explainPod(
  client: StatusClient,
  namespace: string,
  name: string,
): Promise<Answer> {
  const path = `/api/pods/${encodeURIComponent(namespace)}/${encodeURIComponent(name)}`;
  const found: Explanation | null = await client.json(path, explanation);
  return found === null
    ? { kind: "not-found", namespace, name }
    : { kind: "pod", explanation: found };
}

/** Of one namespace, or with null of all. @throws {StatusFault} */
export async function explainAll(client: StatusClient, namespace: string | null): Promise<Answer> {
  const found = await client.json("/api/summary", summary);
  const denied = (found?.pods ?? [])
    .filter(({ state }) => state === "denied" || state === "failed")
    .filter((pod) => namespace === null || pod.namespace === namespace)
    .map(({ namespace, name, reason, message }): DeniedPod => {
      return { namespace, name, reason: reason ?? "", message: message ?? "" };
    });
  const notes = (found?.replicas ?? [])
    .filter(({ problem }) => problem !== null)
    .map(({ replica, problem }) => `replica ${replica} didn't answer: ${problem}`);
  return { kind: "all", denied, notes };
}

/** Pods in every state, and a `FindCaller` that finds the one a test wants. */
import type { ConnectionEnds } from "../../src/net/http_messages.ts";

const role = {
  arn: "arn:aws:iam::111122223333:role/team/reader",
  name: "reader",
  requested: "/team/reader",
  document: new TextEncoder().encode('{"Code":"Success"}'),
  containerDocument: new TextEncoder().encode('{"AccessKeyId":"ASIA"}'),
  lastUpdated: "2026-01-02T15:04:05Z",
  expiresAt: Date.UTC(2026, 0, 2, 16, 4, 5),
};

const base = { uid: "uid-a", namespace: "team", name: "a", imdsv2Required: false };

/** Pods as the agent finds them, in every state there is. */
export const samplePods = {
  ready: { ...base, outcome: { kind: "ready", role } },
  pending: { ...base, outcome: { kind: "pending", name: "reader" } },
  denied: {
    ...base,
    outcome: { kind: "denied", reason: "NotPermitted", message: "namespace team permits nothing" },
  },
  none: { ...base, outcome: { kind: "none" } },
} as const;

export type FakeFound =
  | { kind: "pod"; pod: typeof samplePods[keyof typeof samplePods] & { imdsv2Required: boolean } }
  | { kind: "unknown" | "conflict" | "stale" | "unproven" };

/** `later` is what `waitFor` finds; its peers and limits are recorded in `waits`. */
export function fakePods(now: FakeFound, later: FakeFound = now) {
  const waits: { ip: string; ms: number }[] = [];
  return {
    waits,
    find: (_connection: ConnectionEnds) => now,
    identified: () => undefined,
    lastKnown: (_connection: ConnectionEnds) => now.kind === "pod" ? now.pod.uid : undefined,
    waitFor: ({ peer: ip }: ConnectionEnds, ms: number, _signal: AbortSignal) => {
      waits.push({ ip, ms });
      return Promise.resolve(later);
    },
  };
}

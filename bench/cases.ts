/** What clients ask, how many at once, and which candidates can answer it. */
import type { CandidateName } from "./candidates.ts";
import type { Load } from "./measure.ts";

export interface Case {
  /** Names it in results and tables; stays the same from run to run. */
  readonly name: string;
  readonly load: Omit<Load, "seconds" | "warmup">;
  readonly candidates: readonly CandidateName[];
  /** The one that the agent's ratios are taken against. */
  readonly baseline: CandidateName;
}

const roles = "/latest/meta-data/iam/security-credentials/";
const fromMemory = ["agent", "agent on Node", "Deno.serve", "node:http", "net/http"] as const;
const passedOn = ["agent", "agent on Node", "ReverseProxy"] as const;
const size = (bytes: number) => `/latest/meta-data/bytes/${bytes}`;

function memory(name: string, load: Case["load"]): Case {
  return { name, load, candidates: fromMemory, baseline: "Deno.serve" };
}

function passing(name: string, load: Case["load"]): Case {
  return { name, load, candidates: passedOn, baseline: "ReverseProxy" };
}

const token = {
  path: "/latest/api/token",
  method: "PUT",
  header: "X-aws-ec2-metadata-token-ttl-seconds: 21600",
};

export const cases: readonly Case[] = [
  ...[1, 16, 64].map((connections) =>
    memory(`credentials, ${connections} at once`, { path: `${roles}{role}`, connections })
  ),
  ...[1, 16].map((connections) =>
    memory(`credentials, ${connections} at once, new connections`, {
      path: `${roles}{role}`,
      connections,
      each: true,
    })
  ),
  memory("role list, 16 at once", { path: roles, connections: 16 }),
  memory("token, 16 at once", { ...token, connections: 16 }),
  memory("instance id, 16 at once", {
    path: "/latest/meta-data/instance-id",
    connections: 16,
  }),
  ...[1, 16, 64].map((connections) =>
    passing(`passing on 20 bytes, ${connections} at once`, { path: size(20), connections })
  ),
  ...[1, 16].map((connections) =>
    passing(`passing on 10 MB, ${connections} at once`, { path: size(10_000_000), connections })
  ),
  passing("passing on 100 MB, 1 at once", { path: size(100_000_000), connections: 1 }),
];

/** What is compared: the agent in its variants, and a Go program that does the same. */
import { join } from "node:path";
import { Program } from "./program.ts";
import type { Tools } from "./tools.ts";
import { commandOf, type Variant } from "./variants.ts";

export type CandidateName = Variant | "Go";
export const candidateNames: readonly CandidateName[] = ["image", "source", "Node", "Go"];

export interface Candidate {
  readonly program: Program;
  readonly port: number;
}

/** What every candidate talks to. */
export interface Site {
  readonly tools: Tools;
  readonly feedPort: number;
  readonly upstreamPort: number;
}

export async function startCandidate(name: CandidateName, site: Site): Promise<Candidate> {
  const upstream = `http://127.0.0.1:${site.upstreamPort}`;
  if (name === "Go") {
    const { go, document } = site.tools;
    const program = new Program("candidate", [go, "agent", `-file=${document}`, `-to=${upstream}`]);
    return { program, port: await program.port() };
  }
  const { command, env } = commandOf(name, "agent", site.tools);
  const program = new Program("candidate", [...command, ...agentArgs(site, upstream)], env);
  const port = await program.listening("listen");
  return { program, port: await answering(port) };
}

/** Every limit is enabled, but too high for the load to reach. */
function agentArgs({ tools, feedPort }: Site, upstream: string): string[] {
  return [
    "--identity=address",
    "--redirect=none",
    "--direct",
    "--listen=127.0.0.1:0",
    "--admin-listen=127.0.0.1:0",
    `--server=http://127.0.0.1:${feedPort}`,
    `--metadata-url=${upstream}`,
    `--token-file=${join(tools.folder, "token")}`,
    `--state-dir=${join(tools.folder, "state")}`,
    "--pod-rate=1000000",
  ];
}

/** Waits until the agent knows its pods. */
async function answering(port: number): Promise<number> {
  for (let attempts = 0; attempts < 200; attempts++) {
    const answer = await fetch(`http://127.0.0.1:${port}/latest/api/token`, {
      method: "PUT",
      headers: { "X-aws-ec2-metadata-token-ttl-seconds": "60" },
    }).catch(() => undefined);
    await answer?.body?.cancel();
    if (answer?.status === 200) return port;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error("the agent doesn't answer");
}

/** What is measured side by side: the agent on each runtime, and what it is compared with. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Program } from "./program.ts";
import type { Tools } from "./tools.ts";

export type CandidateName =
  | "agent"
  | "agent on Node"
  | "Deno.serve"
  | "node:http"
  | "net/http"
  | "ReverseProxy";

export interface Candidate {
  readonly name: CandidateName;
  readonly program: Program;
  readonly port: number;
}

export interface ServerAssembly {
  readonly tools: Tools;
  readonly feedPort: number;
  readonly upstreamPort: number;
}

const main = fileURLToPath(new URL("../src/main.ts", import.meta.url));
const bare = (name: string) => fileURLToPath(new URL(`bare/${name}.ts`, import.meta.url));

export async function startCandidate(
  name: CandidateName,
  around: ServerAssembly,
): Promise<Candidate> {
  const isAgent = name === "agent" || name === "agent on Node";
  const program = new Program("candidate", commandOf(name, around));
  return { name, program, port: await (isAgent ? listening(program) : program.port()) };
}

function commandOf(name: CandidateName, around: ServerAssembly): string[] {
  const { go, deno, node, document } = around.tools;
  const upstream = `http://127.0.0.1:${around.upstreamPort}`;
  switch (name) {
    case "agent":
      return [deno, "run", "-A", "--cached-only", main, ...agentArgs(around)];
    case "agent on Node":
      return [node, main, ...agentArgs(around)];
    case "Deno.serve":
      return [deno, "run", "-A", "--cached-only", bare("deno_serve"), "0", document];
    case "node:http":
      return [node, bare("node_http"), "0", document];
    case "net/http":
      return [go, "constant", "-file", document];
    case "ReverseProxy":
      return [go, "proxy", "-to", upstream];
  }
}

/** Every limit is in force, but at numbers that the load doesn't reach. */
function agentArgs({ tools, feedPort, upstreamPort }: ServerAssembly): string[] {
  return [
    "agent",
    "--redirect=none",
    "--direct",
    "--listen=127.0.0.1:0",
    "--admin-listen=127.0.0.1:0",
    `--server=http://127.0.0.1:${feedPort}`,
    `--metadata-url=http://127.0.0.1:${upstreamPort}`,
    `--token-file=${join(tools.folder, "token")}`,
    `--state-dir=${join(tools.folder, "state")}`,
    "--pod-rate=1000000",
  ];
}

/** The front's port, once the agent has been told of its pods. */
async function listening(program: Program): Promise<number> {
  for (;;) {
    const line = JSON.parse(await program.line());
    if (line.msg === "listening" && line.listener === "listen") return await answering(line.port);
  }
}

async function answering(port: number): Promise<number> {
  for (let tries = 0; tries < 200; tries++) {
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

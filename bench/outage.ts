/** Kills the only server for 20 s while a pod sends 20 requests a second, and reports what the pod sees. */
import { ServerAssembly } from "./real_server.ts";
import type { Tools } from "./tools.ts";
import type { Variant } from "./variants.ts";

interface OutageResult {
  readonly variant: Variant;
  /** While the server was away, and in the ten seconds after its return. */
  readonly away: Outcome;
  readonly back: Outcome;
}

interface Outcome {
  readonly requests: number;
  readonly failed: number;
  readonly p50Ms: number;
  readonly mostMs: number;
}

const rate = 20;

export async function measureOutage(tools: Tools, variant: Variant): Promise<OutageResult> {
  const around = new ServerAssembly(tools, { pods: 0, nodes: 1 });
  try {
    await around.prepare();
    const first = await around.start(variant);
    const agent = await around.startAgent(variant, first.port);
    const at = `127.0.0.1:${await agent.listening("listen")}`;
    const measure = async (seconds: number): Promise<Outcome> => {
      const requests = rate * seconds;
      return { requests, ...await around.cluster.command(`steady ${rate} ${requests} ${at}`) };
    };
    await around.cluster.command(`answers 1 0 ${at}`);
    await first.program.stop("SIGKILL");
    const away = await measure(20);
    const returning = around.start(variant, first.port);
    const back = await measure(10);
    await (await returning).program.stop();
    await agent.stop();
    return { variant, away, back };
  } finally {
    await around.stop();
  }
}

export function outageTable(results: readonly OutageResult[]): string {
  const rows = results.flatMap(({ variant, away, back }) => [
    `| ${variant}: killed for 20 s | ${cells(away)} |`,
    `| ${variant}: 10 s from its start | ${cells(back)} |`,
  ]);
  const head = "| the only server | requests | failed | p50 ms | slowest ms |";
  return [head, "| --- | --: | --: | --: | --: |", ...rows, ""].join("\n");
}

function cells({ requests, failed, p50Ms, mostMs }: Outcome): string {
  return `${requests} | ${failed} | ${p50Ms.toFixed(1)} | ${mostMs.toFixed(0)}`;
}

/**
 * How soon a new pod's credentials are on its node, and how soon the pod gets them, with an STS
 * that takes 100 ms; and how many STS calls that needs, also after a server restart.
 */
import { Program } from "./program.ts";
import { type RealServer, ServerAssembly } from "./real_server.ts";
import type { Tools } from "./tools.ts";
import type { Variant } from "./variants.ts";

interface Times {
  readonly pods: number;
  readonly roles: number;
  /** From the API server's event to the frame with credentials, read by the node's agent. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly stsCalls: number;
}

interface ColdResult {
  readonly variant: Variant;
  readonly onNode: readonly Times[];
  /** When all agents reconnect after a server restart. */
  readonly callsAfterRestart: number;
  /** From the moment the API has the pod's address to its first credentials, medians, ms. */
  readonly firstAnswerMs: { readonly scheduledBefore: number; readonly addressAtOnce: number };
  /** From starting server and agent at the same time to the first credentials of a pod, median, ms. */
  readonly startedTogetherMs: number;
}

const nodes = 10;
const rate = 20;
const answers = 40;
const starts = 7;

export async function measureCold(tools: Tools, variant: Variant): Promise<ColdResult> {
  const around = new ServerAssembly(tools, { pods: 0, nodes });
  try {
    await around.prepare();
    let server = await around.start(variant);
    const shared = await withFleet(tools, server, (fleet) => schedule(around, fleet, 1000, 50));
    await server.program.stop();
    const before = await calls(around);
    server = await around.start(variant);
    const own = await withFleet(tools, server, async (fleet) => {
      await quiet(fleet);
      const again = await calls(around) - before;
      return { again, times: await schedule(around, fleet, 400, 400) };
    });
    const firstAnswerMs = await firstAnswers(variant, around, server);
    await server.program.stop();
    const onNode = [shared, own.times];
    const startedTogetherMs = await startTogether(tools, variant);
    return { variant, onNode, callsAfterRestart: own.again, firstAnswerMs, startedTogetherMs };
  } finally {
    await around.stop();
  }
}

async function withFleet<T>(
  tools: Tools,
  { port }: RealServer,
  work: (fleet: Program) => Promise<T>,
): Promise<T> {
  const target = `-target=127.0.0.1:${port}`;
  const fleet = new Program("load", [
    tools.go,
    "agents",
    target,
    `-nodes=${nodes}`,
    "-tls",
    "-ready",
  ]);
  try {
    await fleet.command("connect");
    return await work(fleet);
  } finally {
    await fleet.stop();
  }
}

async function schedule(around: ServerAssembly, fleet: Program, pods: number, roles: number) {
  const before = await calls(around);
  const scheduled = around.cluster.command(`pods ${rate} ${pods} ${roles}`);
  const { p50Ms, p99Ms } = await fleet.command(`follow ${pods / rate + 2}`);
  await scheduled;
  return { pods, roles, p50Ms, p99Ms, stsCalls: await calls(around) - before };
}

async function calls(around: ServerAssembly): Promise<number> {
  return (await around.sts.command("calls")).calls;
}

/** Waits until no more credentials arrive. */
async function quiet(fleet: Program): Promise<void> {
  for (let tries = 0; tries < 60; tries++) {
    if ((await fleet.command("follow 2")).credentials === 0) return;
  }
}

async function firstAnswers(variant: Variant, around: ServerAssembly, { port }: RealServer) {
  const agent = await around.startAgent(variant, port);
  try {
    const at = `127.0.0.1:${await agent.listening("listen")}`;
    const measure = async (laterMs: number) =>
      (await around.cluster.command(`answers ${answers} ${laterMs} ${at}`)).p50Ms;
    await measure(200);
    return { scheduledBefore: await measure(250), addressAtOnce: await measure(0) };
  } finally {
    await agent.stop();
  }
}

/** In a cluster of one node and one pod, where both have run before. */
async function startTogether(tools: Tools, variant: Variant): Promise<number> {
  const around = new ServerAssembly(tools, { pods: 0, nodes: 1 });
  try {
    await around.prepare();
    const { program, port } = await around.start(variant);
    await program.stop();
    const took: number[] = [];
    while (took.length < starts) took.push(await startBoth(around, variant, port));
    return took.sort((a, b) => a - b)[took.length >> 1]!;
  } finally {
    await around.stop();
  }
}

async function startBoth(around: ServerAssembly, variant: Variant, port: number): Promise<number> {
  const startedAt = performance.now();
  // Nobody asks whether it is ready: a kubelet does so every few seconds.
  const server = around.launch(variant, port);
  const agent = await around.startAgent(variant, port);
  await around.cluster.command(`answers 1 1 127.0.0.1:${await agent.listening("listen")}`);
  const took = performance.now() - startedAt;
  await agent.stop();
  await server.stop();
  return took;
}

export function coldTable(results: readonly ColdResult[]): string {
  const rows = results.flatMap((result) => {
    const { variant, onNode, callsAfterRestart, firstAnswerMs, startedTogetherMs } = result;
    return [
      ...onNode.map(({ pods, roles, p50Ms, p99Ms, stsCalls }) => [
        `${variant}: ${pods} pods of ${roles} roles, ${rate} a second, to the node`,
        p50Ms.toFixed(0),
        p99Ms.toFixed(0),
        String(stsCalls),
      ]),
      [`${variant}: server restarted, all agents reconnect`, "", "", String(callsAfterRestart)],
      [`${variant}: first answer, address some time after scheduling`]
        .concat(firstAnswerMs.scheduledBefore.toFixed(0), "", ""),
      [`${variant}: first answer, address at once`, firstAnswerMs.addressAtOnce.toFixed(0), "", ""],
      [`${variant}: first answer, server and agent start at the same time`]
        .concat(startedTogetherMs.toFixed(0), "", ""),
    ];
  });
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  const head = ["new pods, STS takes 100 ms", "p50 ms", "p99 ms", "STS calls"];
  return [line(head), "| --- | --: | --: | --: |", ...rows.map(line), ""].join("\n");
}

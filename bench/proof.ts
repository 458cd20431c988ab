/**
 * What the kernel's proof of a connection costs: real connections from pods in network namespaces,
 * to the real listener and kernel adapter in a process of their own.
 */
import {
  metadata,
  type NetPod,
  PodNetwork,
  type Talking,
} from "../tests/system/identity/pod_network.ts";

export interface ProofResult {
  readonly name: string;
  /** Proofs, reads of pods' tables for them, and processor time of the agent, all included. */
  readonly agent: {
    readonly proofs: number;
    readonly medianMs: number;
    readonly slowestMs: number;
    readonly reads: number;
    readonly cpuMs: number;
    readonly core: number;
  };
  /** Requests of a pod beside the others; null if there is none. */
  readonly beside: { readonly medianMs: number; readonly slowestMs: number } | null;
}

const podCount = 100;
const loopSeconds = "10";
/** So many that sweeps for each are permitted. */
const strangerAddresses = Array.from({ length: 50 }, (_, at) => `10.233.0.${150 + at}`);

export async function* measureProof(): AsyncGenerator<ProofResult> {
  const network = new PodNetwork();
  try {
    await network.open();
    const [victim, attacker] = [await network.pod(), await network.pod()];
    const agent = await network.agent();
    yield await row("one after the other", agent, async () => {
      await repeats(network, victim, "100", "0.1");
      return null;
    });
    const pods: NetPod[] = [];
    while (pods.length < podCount) pods.push(await network.pod());
    const waiting = pods.map((pod) =>
      network.python(pod, "repeat", metadata, "80", "1", "0", "wait")
    );
    for (const pod of waiting) await pod.next();
    yield await row(`${podCount} new pods at once`, agent, async () => {
      for (const pod of waiting) pod.say("now");
      await checked(waiting, pods);
      return null;
    });
    yield await row("three loops in one pod", agent, async () => {
      const loops = [1, 2, 3].map(() =>
        network.python(attacker, "loop", metadata, "80", loopSeconds)
      );
      const beside = await repeats(network, victim, "20", "0.2");
      for (const loop of loops) await loop.next();
      return beside;
    });
    const stranger = await network.stranger();
    for (const address of strangerAddresses) {
      await network.ip(stranger, `addr add ${address}/24 dev eth0`);
    }
    yield await row("three loops that miss, 50 addresses", agent, async () => {
      const loop = ["loop", metadata, "80", loopSeconds, ...strangerAddresses];
      const loops = [1, 2, 3].map(() => network.python(stranger, ...loop));
      const beside = await repeats(network, victim, "20", "0.2");
      for (const one of loops) await one.next();
      return beside;
    });
  } finally {
    await network.close();
  }
}

/** Requests of a pod, each answered as it. */
async function repeats(network: PodNetwork, pod: NetPod, count: string, pause: string) {
  const [result] = await checked(
    [network.python(pod, "repeat", metadata, "80", count, pause)],
    [pod],
  );
  return result!;
}

async function checked(programs: readonly Talking[], pods: readonly NetPod[]) {
  return await Promise.all(programs.map(async (program, at) => {
    const { bodies, medianMs, slowestMs } = JSON.parse(await program.next());
    if (`${bodies}` !== pods[at]!.uid) throw new Error(`${pods[at]!.uid} was taken for ${bodies}`);
    return { medianMs, slowestMs };
  }));
}

async function row(
  name: string,
  agent: Talking,
  load: () => Promise<ProofResult["beside"]>,
): Promise<ProofResult> {
  const metrics = async () => {
    agent.say("metrics");
    return JSON.parse(await agent.next());
  };
  await metrics();
  const beside = await load();
  return { name, agent: await metrics(), beside };
}

export function proofTable(results: readonly ProofResult[]): string {
  const rows = results.map(({ name, agent, beside }) => {
    const { proofs, reads, cpuMs, core, medianMs, slowestMs } = agent;
    const each = (sum: number) => (sum / proofs).toFixed(1);
    const others = beside ? `${beside.medianMs} / ${beside.slowestMs}` : "–";
    const cells = [
      name,
      proofs,
      each(reads),
      each(cpuMs),
      `${medianMs} / ${slowestMs}`,
      core,
      others,
    ];
    return `| ${cells.join(" | ")} |`;
  });
  const head =
    "| connections | proofs | reads each | CPU ms each | median / slowest ms | share of a core | another pod's requests: median / slowest ms |";
  return [head, "| --- | --: | --: | --: | --: | --: | --: |", ...rows, ""].join("\n");
}

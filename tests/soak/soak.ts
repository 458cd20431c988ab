/**
 * Two servers and an agent as processes, with pods that start, end and send requests at many times the
 * usual pace while processes are killed and stopped, the API falls silent, lies and disconnects, STS
 * throttles, hangs and fails, the host's `/proc` or the container runtime can't be read, processes end
 * between two reads and clients read nothing. Counts answers, and measures memory and open handles of
 * each process.
 */
import { type Answers, Cluster, type SoakIdentity } from "./cluster.ts";
import { disturbance } from "./disturbances.ts";
import type { ProgramSample } from "./program.ts";

interface SoakOptions {
  readonly seconds: number;
  readonly identity: SoakIdentity;
  readonly print: (line: string) => void;
}

interface SoakResult extends Answers {
  /** Pods that weren't answered after all faults had ended. */
  readonly stuck: number;
  readonly pods: number;
  /** How often each fault occurred. */
  readonly faults: Readonly<Record<string, number>>;
  readonly samples: readonly Sample[];
}

/** Of the processes that live from beginning to end. */
interface Sample {
  readonly second: number;
  readonly agent: ProgramSample;
  readonly server: ProgramSample;
}

export async function soak({ seconds, identity, print }: SoakOptions): Promise<SoakResult> {
  const cluster = await Cluster.start(identity);
  try {
    return await run(cluster, seconds, print);
  } finally {
    await cluster.close();
  }
}

async function run(cluster: Cluster, seconds: number, print: (line: string) => void) {
  const samples: Sample[] = [];
  const faults: Record<string, number> = {};
  const begun = performance.now();
  const passed = () => Math.round((performance.now() - begun) / 1000);
  const stop = new AbortController();
  const loops = [
    every(25, stop.signal, () => cluster.churn()),
    every(2000, stop.signal, () => disturbance(cluster, faults)),
    ...Array.from({ length: 4 }, () => every(20, stop.signal, () => cluster.send())),
  ];
  const step = Math.max(1, Math.floor(seconds / 30));
  while (passed() < seconds) {
    await pause(step * 1000);
    samples.push({ second: passed(), ...cluster.sample() });
    print(JSON.stringify({ ...samples.at(-1), ...cluster.answers, pods: cluster.created }));
  }
  stop.abort();
  await Promise.all(loops);
  const stuck = await cluster.heal();
  return { ...cluster.answers, stuck, pods: cluster.created, faults, samples };
}

async function every(ms: number, signal: AbortSignal, act: () => Promise<void>): Promise<void> {
  while (!signal.aborted) {
    await act();
    await pause(ms);
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

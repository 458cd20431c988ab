/** The random faults of a soak test; each ends by itself, and is counted by name. */
import type { Cluster } from "./cluster.ts";

type Fault = readonly [name: string, run: (cluster: Cluster) => unknown];

const faults: readonly Fault[] = [
  ["server killed", (c) => c.killServerFor(dice(5000))],
  ["server stopped", (c) => c.stopFor("servers", 1000 + dice(16_000))],
  ["agent stopped", (c) => c.stopFor("agent", dice(1500))],
  ["API silent", (c) => c.apiFor("silent", dice(4000))],
  ["API fails", (c) => c.apiFor((["fails", "throttles", "html"] as const)[dice(3)]!, dice(4000))],
  ["API cuts lines", (c) => c.api.cut()],
  ["API forgets", (c) => c.api.forget()],
  ["API babbles", (c) => c.api.babble(["{nonsense}\n", "null\n", '{"type":"PARTED"}\n'][dice(3)]!)],
  ["API lies", (c) => c.lie(dice(5))],
  [
    "STS in trouble",
    (c) => c.stsFor((["throttles", "fails", "hangs"] as const)[dice(3)]!, dice(4000)),
  ],
  ["runtime silent", (c) => c.silenceRuntime(dice(1500))],
  ["/proc hidden", (c) => c.hideProc(dice(1500))],
  ["processes replaced", (c) => c.replaceProcesses()],
  ["client reads nothing", (c) => c.idle()],
];

export async function disturbance(cluster: Cluster, counts: Record<string, number>): Promise<void> {
  const [name, run] = faults[dice(faults.length)]!;
  counts[name] = (counts[name] ?? 0) + 1;
  await run(cluster);
}

export function dice(sides: number): number {
  return Math.floor(Math.random() * sides);
}

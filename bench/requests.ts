/** One run: every case on every candidate in turn, with startup, memory and processor time. */
import process from "node:process";
import { type Candidate, type CandidateName, candidateNames, type Site } from "./candidates.ts";
import { startCandidate } from "./candidates.ts";
import type { Case } from "./cases.ts";
import { Program } from "./program.ts";
import type { Figures } from "./results.ts";

/** How long after its start an agent's memory counts as idle. */
const restMs = 5000;
const afterMs = 60_000;

export async function measureRequests(
  cases: readonly Case[],
  seconds: number,
  site: Site,
): Promise<Figures> {
  const figures: Figures = {};
  const running = new Map<CandidateName, Candidate>();
  try {
    for (const name of candidateNames) {
      const startedAt = performance.now();
      running.set(name, await startCandidate(name, site));
      keep(figures, "start to first answer, ms", name, performance.now() - startedAt);
    }
    await pause(restMs);
    memory(figures, "at rest", running, "now");
    for (const { program } of running.values()) program.forgetPeak();
    for (const one of cases) {
      await measureCase(one, { seconds, go: site.tools.go }, running, figures);
    }
    memory(figures, "at most under load", running, "peak");
    await pause(afterMs);
    memory(figures, "60 s after the load", running, "now");
    return figures;
  } finally {
    for (const { program } of running.values()) await program.stop();
  }
}

async function measureCase(
  { name, flags, busy = false }: Case,
  { seconds, go }: { readonly seconds: number; readonly go: string },
  running: ReadonlyMap<CandidateName, Candidate>,
  figures: Figures,
): Promise<void> {
  const loops = busy ? [busyLoop(), busyLoop()] : [];
  for (const [candidate, { program, port }] of running) {
    const command = [go, "load", `-target=127.0.0.1:${port}`, `-seconds=${seconds}`, ...flags];
    const load = new Program("load", command);
    if (await load.line() !== "READY") throw new Error(`${name}: the load didn't start`);
    const before = program.cpuSeconds();
    const { requests, rate, p99Ms, errors, fault } = await load.command("go");
    const cpu = program.cpuSeconds() - before;
    await load.stop();
    const problem = `${name}, ${candidate}: ${errors} of ${requests}: ${fault}`;
    if (errors * 1000 > requests || requests === 0) throw new Error(problem);
    if (errors > 0) process.stderr.write(`${problem}\n`);
    if (!busy) keep(figures, `${name}: per second`, candidate, rate);
    keep(figures, `${name}: p99 ms`, candidate, p99Ms);
    keep(figures, `${name}: CPU s per 1,000`, candidate, cpu * 1000 / requests);
  }
  for (const loop of loops) await loop.stop("SIGKILL");
  process.stderr.write(`${name}\n`);
}

function busyLoop(): Program {
  return new Program("candidate", ["sh", "-c", "while :; do :; done"]);
}

function memory(
  figures: Figures,
  when: string,
  running: ReadonlyMap<CandidateName, Candidate>,
  which: "now" | "peak",
): void {
  for (const [candidate, { program }] of running) {
    keep(figures, `working set ${when}, MiB`, candidate, program.memory()[which]);
  }
}

function keep(figures: Figures, name: string, candidate: CandidateName, value: number): void {
  (figures[name] ??= {})[candidate] = value;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

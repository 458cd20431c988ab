/** Runs the scenarios on a cluster and counts them; if one fails, prints what the pods logged. */
import { type Count, noteUnawaited, runScenarios, unawaitedFaults } from "../system/report.ts";
import { type ClusterScenario, scenarios } from "./scenarios/mod.ts";
import type { Site } from "./site.ts";

/** 0 when all went well. `wanted`: only those with this in their name, and the installation. */
export async function play(site: Site, wanted = ""): Promise<number> {
  noteUnawaited();
  const count: Count = { passed: 0, failed: 0 };
  for (const scenario of scenarios) {
    if (!isWanted(scenario, wanted) || (scenario.ownNodes && site.own === null)) continue;
    const before = count.failed;
    // A cluster repairs itself after a failure; its state is printed instead.
    const stage = { ...site, repair: () => describe(site) };
    await runScenarios(stage, [scenario], count, console.log);
    if (count.failed > before && scenario.essential) break;
  }
  const unawaited = unawaitedFaults();
  if (unawaited !== undefined) {
    console.log(unawaited);
    count.failed++;
  }
  console.log(`\n${count.passed} passed, ${count.failed} failed`);
  return count.failed === 0 && count.passed > 0 ? 0 : 1;
}

function isWanted(scenario: ClusterScenario, wanted: string): boolean {
  return scenario.essential === true || scenario.name.includes(wanted);
}

async function describe({ kubectl }: Site): Promise<void> {
  const requested = [
    ["get", "pods", "-A", "-o", "wide"],
    ["get", "events", "-n", "rolecall", "--sort-by=.lastTimestamp"],
    ["logs", "-n", "rolecall", "--prefix", "--tail=25", "-l", "app.kubernetes.io/part-of=rolecall"],
  ];
  for (const words of requested) {
    const { stdout, stderr } = await kubectl.try(words);
    console.log(`--- kubectl ${words.join(" ")}\n${(stdout + stderr).slice(-6000)}`);
  }
}

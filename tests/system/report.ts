/**
 * Runs named scenarios one after the other, prints a line for each, and counts. A failed assertion
 * counts at once: a pod must not see another's role even once. If a command failed or a wait ran out,
 * the machine may be the cause, so the scenario has a second attempt, and its line shows it.
 */
import process from "node:process";

export interface Scenario<T> {
  readonly name: string;
  readonly run: (stage: T) => Promise<void>;
  /** Milliseconds; ten minutes by default. Only against hangs: each wait has its own limit. */
  readonly within?: number;
}

export interface Count {
  passed: number;
  failed: number;
}

/** Errors that nothing awaited. The first would otherwise end the process and all later scenarios. */
const unawaited: unknown[] = [];

/** Records such errors from now on. */
export function noteUnawaited(): void {
  for (const event of ["unhandledRejection", "uncaughtException"] as const) {
    process.on(event, (fault: unknown) => void unawaited.push(fault));
  }
}

/** Those recorded since the last call, as text. */
export function unawaitedFaults(): string | undefined {
  const faults = unawaited.splice(0);
  return faults.length === 0 ? undefined : `unawaited: ${faults.map(textOf).join("\n")}`;
}

/** A program or the API server refused, or a wait ran out. */
function mayBeTheMachine(fault: unknown): boolean {
  const code = (fault as { readonly code?: unknown }).code;
  return ["kubectl_refused", "kube_refused", "program_failed", "not_in_time"].includes(`${code}`);
}

/**
 * Adds to `count`. A scenario fails if it throws, takes too long, or leaves an error unawaited. The stage
 * is then repaired, so that the next scenario isn't affected.
 */
export async function runScenarios<T extends { repair(): Promise<void> }>(
  stage: T,
  scenarios: readonly Scenario<T>[],
  count: Count,
  print: (line: string) => void,
): Promise<void> {
  for (const scenario of scenarios) {
    for (const isLast of [false, true]) {
      const start = performance.now();
      const thrown = await outcome(scenario, stage);
      const unawaited = unawaitedFaults();
      const title = `${scenario.name} (${((performance.now() - start) / 1000).toFixed(1)} s)`;
      if (thrown === undefined && unawaited === undefined) {
        count.passed++;
        print(`ok    ${title}`);
        break;
      }
      const repeats = !isLast && unawaited === undefined && mayBeTheMachine(thrown);
      print(`${repeats ? "AGAIN" : "FAIL "} ${title}\n${indented(unawaited ?? textOf(thrown))}`);
      await stage.repair().catch((fault) =>
        print(`      not repaired:\n${indented(textOf(fault))}`)
      );
      if (repeats) continue;
      count.failed++;
      break;
    }
  }
}

async function outcome<T>(scenario: Scenario<T>, stage: T): Promise<unknown> {
  const within = scenario.within ?? 600_000;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve(`took longer than ${within} ms`), within);
  });
  const ran = (async () => await scenario.run(stage))().then(
    () => undefined,
    (error: unknown) => error ?? "threw nothing",
  );
  const fault = await Promise.race([ran, late]);
  clearTimeout(timer);
  return fault;
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.stack ?? error.message : String(error);
}

function indented(text: string): string {
  return text.split("\n").map((line) => `      ${line}`).join("\n");
}

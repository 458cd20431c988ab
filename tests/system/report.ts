/**
 * Runs named scenarios one after the other, prints a line for each, and counts. A claim that didn't
 * hold fails at once: a pod that saw another's role needs to do so only once. A command that failed and
 * a wait that ran out may be the machine's fault, so that scenario has a second attempt, and its line
 * shows it.
 */
import process from "node:process";

export interface Scenario<T> {
  readonly name: string;
  readonly run: (stage: T) => Promise<void>;
  /** Milliseconds; ten minutes without it. Only a hang has to end: what is waited for has its own limits. */
  readonly within?: number;
}

export interface Count {
  passed: number;
  failed: number;
}

/** Faults that nothing waited for: the process would end with the first, and the scenarios to come. */
const unawaited: unknown[] = [];

/** From now on they are noted instead. */
export function noteUnawaited(): void {
  for (const event of ["unhandledRejection", "uncaughtException"] as const) {
    process.on(event, (fault: unknown) => void unawaited.push(fault));
  }
}

/** Those since the last call, as text. */
export function unawaitedFaults(): string | undefined {
  const faults = unawaited.splice(0);
  return faults.length === 0 ? undefined : `unawaited: ${faults.map(textOf).join("\n")}`;
}

/** A program or the API server said no, or something didn't come in time. */
function mayBeTheMachine(fault: unknown): boolean {
  const code = (fault as { readonly code?: unknown }).code;
  return ["kubectl_refused", "kube_refused", "program_failed", "not_in_time"].includes(`${code}`);
}

/**
 * Adds to `count`; a scenario fails when it throws, takes too long, or something throws meanwhile that
 * it doesn't wait for. Then the stage is mended, so that the next one doesn't fail for it.
 */
export async function runScenarios<T extends { mend(): Promise<void> }>(
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
      await stage.mend().catch((fault) => print(`      not mended:\n${indented(textOf(fault))}`));
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

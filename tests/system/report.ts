/** Runs named scenarios one after the other, prints a line for each, and counts. */
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
    const start = performance.now();
    const thrown = await outcome(scenario, stage);
    const unawaited = unawaitedFaults();
    const fault = thrown ?? unawaited;
    const seconds = ((performance.now() - start) / 1000).toFixed(1);
    if (fault === undefined) {
      count.passed++;
      print(`ok    ${scenario.name} (${seconds} s)`);
    } else {
      count.failed++;
      print(`FAIL  ${scenario.name} (${seconds} s)\n${indented(fault)}`);
      await stage.mend().catch((fault) => print(`      not mended:\n${indented(textOf(fault))}`));
    }
  }
}

async function outcome<T>(scenario: Scenario<T>, stage: T): Promise<string | undefined> {
  const within = scenario.within ?? 600_000;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve(`took longer than ${within} ms`), within);
  });
  const ran = (async () => await scenario.run(stage))().then(
    () => undefined,
    (error: unknown) => textOf(error),
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

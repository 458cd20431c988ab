/** Runs named scenarios one after the other, prints a line for each, and counts. */

export interface Scenario<T> {
  readonly name: string;
  readonly run: (stage: T) => Promise<void>;
  /** Milliseconds; a minute without it. */
  readonly within?: number;
}

export interface Count {
  passed: number;
  failed: number;
}

/**
 * Adds to `count`; a scenario fails when it throws or takes too long. Then the stage is mended, so
 * that the next one doesn't fail for it.
 */
export async function runScenarios<T extends { mend(): Promise<void> }>(
  stage: T,
  scenarios: readonly Scenario<T>[],
  count: Count,
  print: (line: string) => void,
): Promise<void> {
  for (const scenario of scenarios) {
    const start = performance.now();
    const fault = await outcome(scenario, stage);
    const seconds = ((performance.now() - start) / 1000).toFixed(1);
    if (fault === undefined) {
      count.passed++;
      print(`ok    ${scenario.name} (${seconds} s)`);
    } else {
      count.failed++;
      print(`FAIL  ${scenario.name} (${seconds} s)\n${indented(fault)}`);
      await stage.mend();
    }
  }
}

async function outcome<T>(scenario: Scenario<T>, stage: T): Promise<string | undefined> {
  const within = scenario.within ?? 60_000;
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

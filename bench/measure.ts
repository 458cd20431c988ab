/** One measurement: a load on one candidate, with the processor time that it took there. */
import { Program } from "./program.ts";

export interface Load {
  readonly path: string;
  readonly method?: string;
  readonly header?: string;
  readonly connections: number;
  /** A new connection for each request. */
  readonly each?: boolean;
  readonly seconds: number;
  readonly warmup: number;
}

export interface Measured {
  /** Answers a second. */
  readonly rate: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Processor seconds for 1,000 answers. */
  readonly cpu: number;
  readonly errors: number;
}

/** @throws {Error} nothing but errors came back */
export async function measure(
  go: string,
  candidate: { readonly program: Program; readonly port: number },
  load: Load,
): Promise<Measured> {
  const generator = new Program("load", [go, "load", ...flagsOf(candidate.port, load)]);
  try {
    if (await generator.line() !== "READY") throw new Error("the load didn't start");
    const before = candidate.program.cpuSeconds();
    generator.tell("go");
    const result = JSON.parse(await generator.line());
    const cpu = (candidate.program.cpuSeconds() - before) * 1000 / result.requests;
    if (result.requests === 0) throw new Error(`${load.path}: ${result.fault}`);
    const { rate, p50Ms, p99Ms, errors } = result;
    return { rate, p50Ms, p99Ms, cpu, errors };
  } finally {
    await generator.stop();
  }
}

function flagsOf(port: number, load: Load): string[] {
  return [
    `-target=127.0.0.1:${port}`,
    `-path=${load.path}`,
    `-method=${load.method ?? "GET"}`,
    `-header=${load.header ?? ""}`,
    `-connections=${load.connections}`,
    `-new=${load.each ?? false}`,
    `-seconds=${load.seconds}`,
    `-warmup=${load.warmup}`,
  ];
}

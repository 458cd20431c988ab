/** What happened in a simulation, one line per event, in order; the same seed gives the same lines. */

const timeWidth = 11;

export class Trace {
  readonly lines: string[] = [];
  /** Lines of the product that hold what none may hold. */
  readonly leaks: string[] = [];
  readonly #seconds: () => number;

  constructor(seconds: () => number) {
    this.#seconds = seconds;
  }

  add(where: string, what: string): void {
    this.lines.push(
      `${this.#seconds().toFixed(3).padStart(timeWidth)}  ${where.padEnd(9)} ${what}`,
    );
  }

  text(): string {
    return this.lines.join("\n") + "\n";
  }
}

/** A trace's lines, in which the same event several times in a row is one line with its number. */
export function withoutRepeats(lines: readonly string[]): readonly string[] {
  const rows: { readonly line: string; readonly event: string; times: number }[] = [];
  for (const line of lines) {
    const event = line.slice(timeWidth);
    const last = rows.at(-1);
    if (last?.event === event) last.times++;
    else rows.push({ line, event, times: 1 });
  }
  return rows.map(({ line, times }) => times === 1 ? line : `${line} (${times} times)`);
}

/** Fits the `Log` of agent and server. */
export function tracedLog(trace: Trace, where: string) {
  const line = (level: string) => (fields: object, message: string) => {
    const shown = Object.entries(fields).filter(([key]) => !quiet.has(key))
      .map(([key, value]) => `${key}=${typeof value === "string" ? value : JSON.stringify(value)}`);
    const text = [level, message, ...shown].join(" ");
    if (isLeak(text)) trace.leaks.push(text);
    trace.add(where, text);
  };
  return { debug: () => {}, info: line("info"), warn: line("warn"), error: line("error") };
}

/** Keys, tokens and external IDs belong in no log, no Event and no refusal. */
export function isLeak(text: string): boolean {
  return /secret-of-|session-of-|\beyJ|\bext\/[a-z]\/\d/.test(text);
}

/** Fields that say what others say. */
const quiet = new Set(["podUid", "requestId", "serviceAccount"]);

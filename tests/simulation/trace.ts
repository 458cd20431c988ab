/** What happened in a simulation, one line per event, in order; the same seed gives the same lines. */

export class Trace {
  readonly lines: string[] = [];
  /** Lines of the product that hold what none may hold. */
  readonly leaks: string[] = [];
  readonly #seconds: () => number;

  constructor(seconds: () => number) {
    this.#seconds = seconds;
  }

  add(where: string, what: string): void {
    this.lines.push(`${this.#seconds().toFixed(3).padStart(11)}  ${where.padEnd(9)} ${what}`);
  }

  text(): string {
    return this.lines.join("\n") + "\n";
  }
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

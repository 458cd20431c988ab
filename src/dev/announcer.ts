/**
 * Prints what each pod gets, at the start and after every change, once the state is stable, so that
 * short-lived states aren't shown.
 */
import { podLines, type PodRow } from "./announcement.ts";

interface AnnouncerOptions {
  readonly clock: {
    /** Milliseconds since the epoch. */
    now(): number;
    /** Runs once after `ms`; the returned function cancels. */
    after(ms: number, run: () => void): () => void;
  };
  /** The current pods, without the agent's own. */
  readonly pods: () => readonly PodRow[];
  /** A line for each thing that isn't ready; printed if it lasts. */
  readonly missing: () => readonly string[];
  /** Pods given as `NAMESPACE/POD`; they are listed even if they don't exist. */
  readonly requested: readonly string[];
  /** Printed before the pods, the first time. */
  readonly head: (pods: readonly PodRow[]) => readonly string[];
  /** Printed after the pods, the first time. */
  readonly foot: (pods: readonly PodRow[]) => readonly string[];
  readonly write: (text: string) => void;
}

const pollMs = 200;
/** After that the state is printed even if it isn't stable. */
const patienceMs = 3_000;

/** Polls, and prints changes, until `signal` aborts. */
export function announce(options: AnnouncerOptions, signal: AbortSignal): void {
  const announcer = new Announcer(options);
  let cancel = () => {};
  const poll = () => {
    announcer.poll();
    cancel = options.clock.after(pollMs, poll);
  };
  poll();
  signal.addEventListener("abort", () => cancel(), { once: true });
}

class Announcer {
  readonly #options: AnnouncerOptions;
  #printed: string | undefined;
  #started = false;
  #changedSince: number | undefined;

  constructor(options: AnnouncerOptions) {
    this.#options = options;
  }

  poll(): void {
    const { clock, missing: readMissing, pods: readPods } = this.#options;
    const missing = readMissing().map((line) => `not ready: ${line}`);
    const pods = readPods();
    // Until the server is ready once, what pods get isn't known.
    const text = linesOf(
      missing.length > 0 && !this.#started ? missing : this.#podLines(pods),
    );
    if (text === this.#printed) return void (this.#changedSince = undefined);
    this.#changedSince ??= clock.now();
    const stable = missing.length === 0 && isStable(pods);
    if (!stable && clock.now() - this.#changedSince < patienceMs) return;
    if (missing.length === 0 || this.#started) this.#printPods(pods, text);
    else this.#print(text);
  }

  #podLines(pods: readonly PodRow[]): string[] {
    const existing = new Set(pods.map(({ namespace, name }) => `${namespace}/${name}`));
    return podLines(pods, this.#options.requested.filter((name) => !existing.has(name)));
  }

  #printPods(pods: readonly PodRow[], text: string): void {
    const { head, foot, write } = this.#options;
    if (this.#started) write("\nNow:\n");
    else write(linesOf([...head(pods), ""]));
    this.#print(text);
    if (!this.#started) write(linesOf(["", ...foot(pods)]));
    this.#started = true;
  }

  #print(text: string): void {
    this.#printed = text;
    this.#changedSince = undefined;
    this.#options.write(text);
  }
}

function isStable(pods: readonly PodRow[]): boolean {
  return pods.length > 0 && pods.every(({ state }) => state !== "pending" && state !== "unserved");
}

function linesOf(lines: readonly string[]): string {
  return lines.map((line) => line + "\n").join("");
}

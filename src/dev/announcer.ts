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

const lookMs = 200;
/** After that the state is printed even if it isn't stable. */
const patienceMs = 3_000;

/** Polls, and prints changes, until `signal` aborts. */
export function announce(options: AnnouncerOptions, signal: AbortSignal): void {
  const announcer = new Announcer(options);
  let cancel = () => {};
  const lookAgain = () => {
    announcer.look();
    cancel = options.clock.after(lookMs, lookAgain);
  };
  lookAgain();
  signal.addEventListener("abort", () => cancel(), { once: true });
}

class Announcer {
  readonly #options: AnnouncerOptions;
  #said: string | undefined;
  #opened = false;
  #newsSince: number | undefined;

  constructor(options: AnnouncerOptions) {
    this.#options = options;
  }

  look(): void {
    const { clock, missing: readMissing, pods: readPods } = this.#options;
    const missing = readMissing().map((line) => `not ready: ${line}`);
    const pods = readPods();
    // Until the server is ready once, what pods get isn't known.
    const text = linesOf(missing.length > 0 && !this.#opened ? missing : this.#podLines(pods));
    if (text === this.#said) return void (this.#newsSince = undefined);
    this.#newsSince ??= clock.now();
    const stable = missing.length === 0 && isStable(pods);
    if (!stable && clock.now() - this.#newsSince < patienceMs) return;
    if (missing.length === 0 || this.#opened) this.#sayPods(pods, text);
    else this.#say(text);
  }

  #podLines(pods: readonly PodRow[]): string[] {
    const there = new Set(pods.map(({ namespace, name }) => `${namespace}/${name}`));
    return podLines(pods, this.#options.requested.filter((name) => !there.has(name)));
  }

  #sayPods(pods: readonly PodRow[], text: string): void {
    const { head, foot, write } = this.#options;
    if (this.#opened) write("\nNow:\n");
    else write(linesOf([...head(pods), ""]));
    this.#say(text);
    if (!this.#opened) write(linesOf(["", ...foot(pods)]));
    this.#opened = true;
  }

  #say(text: string): void {
    this.#said = text;
    this.#newsSince = undefined;
    this.#options.write(text);
  }
}

function isStable(pods: readonly PodRow[]): boolean {
  return pods.length > 0 && pods.every(({ state }) => state !== "pending" && state !== "unserved");
}

function linesOf(lines: readonly string[]): string {
  return lines.map((line) => line + "\n").join("");
}

/**
 * The server's own AWS identity: determines the account for roles without an ARN, and the role that
 * no pod may have. Looked up in the background until STS has answered once; on demand, only while a
 * role is to be assumed with it, so that a server that needs no AWS credentials looks for none.
 */
import { Backoff } from "../../time/backoff.ts";
import { aborted, pause } from "../../time/pause.ts";
import type { Log } from "../../telemetry/log.ts";
import type { Clock } from "../../time/clock.ts";

const retryAfter = { minMs: 1_000, maxMs: 30_000 };
const patienceMs = 15_000;

/**
 * The ARNs from GetCallerIdentity: first the principal that assumes the pods' roles, then, with role
 * chaining, those that it was assumed by.
 */
export type ReadCallerArns = (signal: AbortSignal) => Promise<readonly [string, ...string[]]>;

interface OwnIdentityOptions {
  readonly readCallerArns: ReadCallerArns;
  /** It isn't looked up before {@link OwnIdentity.whenKnown} is called. */
  readonly onDemand?: boolean;
  readonly clock: Clock;
  readonly log: Log;
  /** From 0 up to 1. */
  readonly random: () => number;
}

type CallerArns = Awaited<ReturnType<ReadCallerArns>>;

export class OwnIdentity {
  readonly #options: OwnIdentityOptions;
  readonly #startedAt: number;
  readonly #listeners: ((arns: CallerArns) => void)[] = [];
  readonly #attempted = Promise.withResolvers<void>();
  #wanted = Promise.withResolvers<void>();
  #arns: CallerArns | null = null;
  #fault: Error = new Error("STS hasn't answered yet");

  constructor(options: OwnIdentityOptions) {
    this.#options = options;
    this.#startedAt = options.clock.monotonic();
    if (!options.onDemand) this.#wanted.resolve();
  }

  /** Whether it is looked up only once {@link whenKnown} is called. */
  get isOnDemand(): boolean {
    return this.#options.onDemand ?? false;
  }

  /** Calls back once, with the ARNs, before anyone who waits for {@link whenKnown} goes on. */
  subscribe(found: (arns: CallerArns) => void): void {
    this.#listeners.push(found);
  }

  /** Empty until they are known. */
  get arns(): readonly string[] {
    return this.#arns ?? [];
  }

  /** Why it isn't known yet; null once it is. */
  get problem(): string | null {
    return this.#arns === null ? this.#fault.message : null;
  }

  /**
   * Known, or waited for long enough. Agents are served only then: earlier, roles without an ARN would
   * be denied, and agents would drop the credentials that they have.
   */
  get knownOrOverdue(): boolean {
    return this.#arns !== null || this.#options.clock.monotonic() - this.#startedAt >= patienceMs;
  }

  /**
   * Resolves if it is known, so that no role is assumed that turns out to be the server's own. Waits
   * for the first attempt only.
   * @throws the fault of the last attempt, or the reason of `signal` if that aborts first
   */
  async whenKnown(signal: AbortSignal): Promise<void> {
    this.#wanted.resolve();
    if (this.#arns === null) await Promise.race([this.#attempted.promise, aborted(signal)]);
    signal.throwIfAborted();
    if (this.#arns === null) throw this.#fault;
  }

  /** Resolves once the identity is known or `signal` has aborted. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, log, random, onDemand } = this.#options;
    const backoff = new Backoff({ ...retryAfter, random });
    while (!signal.aborted) {
      await Promise.race([this.#wanted.promise, aborted(signal)]);
      // On demand, each attempt needs a caller that waits for it.
      if (onDemand) this.#wanted = Promise.withResolvers();
      if (signal.aborted || await this.#call(signal) || signal.aborted) return;
      const retryInMs = Math.round(backoff.next());
      log.warn({ problem: this.#fault.message, retryInMs }, "own AWS identity unknown");
      await pause(clock, retryInMs, signal);
    }
  }

  async #call(signal: AbortSignal): Promise<boolean> {
    const { log, readCallerArns } = this.#options;
    try {
      const arns = await readCallerArns(signal);
      for (const found of this.#listeners) found(arns);
      this.#arns = arns;
      log.info({ arn: arns[0] }, "own AWS identity known");
      return true;
    } catch (fault) {
      this.#fault = fault instanceof Error ? fault : new Error(String(fault));
      return false;
    } finally {
      this.#attempted.resolve();
    }
  }
}

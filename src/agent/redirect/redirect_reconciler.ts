/**
 * Keeps the redirect and its guard in place: installs them, checks them after each change that is
 * noticed and every few seconds, repairs them and counts repairs. A fault shows in readiness and is
 * retried; it never ends the program.
 */
import { messageOf } from "../../telemetry/fault.ts";
import { pause } from "../../time/pause.ts";
import type { Clock, Log } from "../ports.ts";
import { type GuardStatus, GuardWatch, type RouteGuard } from "./route_guard.ts";
import type { RedirectBackend } from "./iptables_backend.ts";
import { pollRedirect } from "./rule_changes.ts";
import type { Removal } from "./remove_redirect.ts";

/**
 * Between two rounds: 2 s, and up to 5 s if a round takes long, as with iptables-legacy on a node
 * with tens of thousands of rules. A round takes some 25 ms of CPU.
 */
const pauseMs = { least: 2000, most: 5000, timesRound: 20 };
/**
 * The shortest pause before the round after a change. The factor applies only if the previous round
 * followed a change too, so that somebody who reloads rules in a loop costs a fifth of a core.
 */
const gapMs = { least: 50, timesRound: 4 };

export interface RedirectStatus {
  /** `none` where nothing is to be redirected; `unknown` before a kind could be chosen. */
  readonly kind: RedirectBackend["kind"] | "none" | "unknown";
  readonly inPlace: boolean;
  /** Times that rules were missing or changed after they had been put in place. */
  readonly repairs: number;
  /** One line with the remedy; null while all is well. */
  readonly lastError: string | null;
  /** The guard by routing; null where nothing is to be redirected. */
  readonly guard: GuardStatus | null;
}

interface RedirectReconcilerOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Holds while the packet filter is flushed. */
  readonly guard: RouteGuard;
  /** @throws {RedirectFault} no kind can be used now. */
  readonly choose: () => Promise<RedirectBackend>;
  /** Cuts flows that began before the redirect; resolves to their number. */
  readonly cutFlows: () => Promise<number>;
  /** Clears every kind but the one in use. */
  readonly removeOthers: (keep: RedirectBackend["kind"]) => Promise<Removal>;
  /** Calls `changed` whenever somebody changes rules, until the signal aborts. */
  readonly watch: (changed: () => void, signal: AbortSignal) => Promise<void>;
}

export class RedirectReconciler {
  readonly #options: RedirectReconcilerOptions;
  readonly #guard: GuardWatch;
  #backend: RedirectBackend | null = null;
  #everInPlace = false;
  #inPlace = false;
  #repairs = 0;
  #lastError: string | null = null;
  #stopped = false;
  #round: Promise<void> = Promise.resolve();

  constructor(options: RedirectReconcilerOptions) {
    this.#options = options;
    this.#guard = new GuardWatch(options.guard, options.log);
  }

  status(): RedirectStatus {
    return {
      kind: this.#backend?.kind ?? "unknown",
      inPlace: this.#inPlace,
      repairs: this.#repairs,
      lastError: this.#lastError,
      guard: this.#guard.status(),
    };
  }

  /** One round: reads the rules, repairs them if needed, never rejects. */
  check(): Promise<void> {
    if (!this.#stopped) this.#round = this.#check();
    return this.#round;
  }

  /** Starts no further round, and waits for the current one. */
  stop(): Promise<void> {
    this.#stopped = true;
    return this.#round;
  }

  /** Checks after each change, and every 2 to 5 s, until the signal aborts; the rules stay. */
  async run(signal: AbortSignal): Promise<void> {
    let changed = Promise.withResolvers<void>();
    const onChange = () => changed.resolve();
    const watching = this.#options.watch(onChange, signal);
    let polling: Promise<void> | undefined;
    let tookMs = 0;
    let isEarly = false;
    while (!signal.aborted) {
      polling ??= this.#poll(onChange, signal);
      isEarly = await this.#nextRound({ tookMs, isEarly }, changed.promise, signal);
      // Changes from here on are for the next round, our own repair's among them.
      changed = Promise.withResolvers();
      const start = this.#options.clock.monotonic();
      if (!signal.aborted) await this.check();
      tookMs = this.#options.clock.monotonic() - start;
    }
    await Promise.all([watching, polling]);
  }

  /** Once the redirect has been in place, where the kernel doesn't report changes. */
  #poll(onChange: () => void, signal: AbortSignal): Promise<void> | undefined {
    const isMissing = this.#everInPlace ? this.#backend?.isMissing : undefined;
    return isMissing && pollRedirect({ isMissing, clock: this.#options.clock }, onChange, signal);
  }

  /** Waits until the next round is due; resolves to whether a change brought it forward. */
  async #nextRound(
    last: { readonly tookMs: number; readonly isEarly: boolean },
    changed: Promise<void>,
    signal: AbortSignal,
  ): Promise<boolean> {
    const { clock } = this.#options;
    const after = (least: number, factor: number) =>
      Math.min(Math.max(last.tookMs * factor, least), pauseMs.most);
    const gap = last.isEarly ? after(gapMs.least, gapMs.timesRound) : gapMs.least;
    await pause(clock, gap, signal);
    const early = new AbortController();
    void changed.then(() => early.abort());
    const rest = after(pauseMs.least, pauseMs.timesRound) - gap;
    await pause(clock, rest, AbortSignal.any([signal, early.signal]));
    return early.signal.aborted;
  }

  /** The guard first, so that nothing gets through while the redirect is installed. */
  async #check(): Promise<void> {
    await this.#guard.check();
    await this.#checkRedirect();
  }

  async #checkRedirect(): Promise<void> {
    try {
      const backend = this.#backend ?? await this.#options.choose();
      this.#backend = backend;
      const changed = await backend.ensure();
      if (!this.#everInPlace) await this.#installed(backend);
      else if (changed) await this.#repaired(backend);
      this.#inPlace = true;
      this.#lastError = null;
    } catch (fault) {
      this.#failed(fault);
    }
  }

  async #installed(backend: RedirectBackend): Promise<void> {
    const { kind } = backend;
    this.#everInPlace = true;
    this.#options.log.info({ kind }, "redirect in place");
    await this.#cut();
    const { removed, problems } = await this.#options.removeOthers(kind);
    if (removed.length > 0) this.#options.log.info({ removed }, "redirect of another kind removed");
    for (const { message } of problems) {
      this.#options.log.debug({ problem: message }, "redirects of another kind can't be checked");
    }
  }

  async #repaired(backend: RedirectBackend): Promise<void> {
    this.#repairs += 1;
    this.#options.log.warn({ kind: backend.kind, repairs: this.#repairs }, "redirect repaired");
    await this.#cut();
  }

  /** Without conntrack, old flows stay refused by the filter's rules instead of being redirected. */
  async #cut(): Promise<void> {
    try {
      const flows = await this.#options.cutFlows();
      if (flows > 0) this.#options.log.info({ flows }, "flows from before the redirect cut");
    } catch (fault) {
      const problem = messageOf(fault);
      this.#options.log.warn({ problem }, "flows from before the redirect can't be cut");
    }
  }

  #failed(fault: unknown): void {
    const problem = messageOf(fault);
    if (problem !== this.#lastError) {
      this.#options.log.error({ problem }, "redirect not in place");
    }
    this.#lastError = problem;
    this.#inPlace = false;
    if (!this.#everInPlace) this.#backend = null;
  }
}

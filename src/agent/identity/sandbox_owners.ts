/** Maps addresses to pods from the container runtime's READY sandboxes. */
import { messageOf } from "../../telemetry/fault.ts";
import { canonicalAddresses } from "../../net/ip_address.ts";
import { pause } from "../../time/pause.ts";
import type { Clock, ContainerRuntime, Log, Sandbox } from "../ports.ts";

/** So that a waiting request finds a new sandbox, and readiness reports a silent runtime. */
const listEveryMs = 1000;

/**
 * How old a list may be when a request arrives. A sandbox stops being READY before its network is
 * torn down, and the next one with its address must be set up and its container started before it
 * can send a request: a few hundred milliseconds at least.
 */
export const recentMs = 100;

const maxListsInFlight = 3;

type Owner =
  | { readonly kind: "pod"; readonly uid: string }
  | { readonly kind: "none" | "several" }
  /** There is no list that is recent enough. */
  | { readonly kind: "unavailable" };

export interface RuntimeStatus {
  readonly sandboxes: number;
  /** Why the runtime doesn't answer, in one line; null while it does. */
  readonly problem: string | null;
}

interface SandboxOwnersOptions {
  readonly runtime: ContainerRuntime;
  readonly clock: Clock;
  readonly log: Log;
}

export class SandboxOwners {
  readonly #options: SandboxOwnersOptions;
  readonly #listeners: (() => void)[] = [];
  readonly #sandboxes = new Map<string, Sandbox>();
  /** Canonical; a sandbox keeps its addresses for life. */
  readonly #addresses = new Map<string, readonly string[]>();
  readonly #lookups = new Set<string>();
  readonly #byAddress = new Map<string, readonly string[]>();
  #problem: string | null = "not listed yet";
  #inFlight = 0;
  #cancelNext: (() => void) | undefined;
  #startedAt = -Infinity;
  /** When the list in use was requested. */
  #listedAt = -Infinity;

  constructor(options: SandboxOwnersOptions) {
    this.#options = options;
  }

  /** Called after each list and each failure. */
  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /** The address's pod in a list requested at `since` (monotonic) or later. */
  owner(ip: string, since: number): Owner {
    if (this.#listedAt < since) return { kind: "unavailable" };
    const [uid, ...others] = this.#byAddress.get(ip) ?? [];
    if (uid === undefined) return { kind: "none" };
    return others.length > 0 ? { kind: "several" } : { kind: "pod", uid };
  }

  /** The pod that had the address in the last list, however old. */
  lastKnown(ip: string): string | undefined {
    const owner = this.owner(ip, -Infinity);
    return owner.kind === "pod" ? owner.uid : undefined;
  }

  /** Whether a list requested at `since` (monotonic) or later has a sandbox of the pod. */
  runs(uid: string, since: number): boolean {
    if (this.#listedAt < since) return false;
    return [...this.#sandboxes.values()].some(({ podUid }) => podUid === uid);
  }

  /**
   * Requests a new list, ten times a second at most. While the runtime is slow another request is
   * sent before it has answered, since a list that was requested too long ago is of no use.
   */
  refresh(): void {
    if (this.#inFlight >= maxListsInFlight || this.#cancelNext) return;
    const { clock } = this.#options;
    const waitMs = this.#startedAt + recentMs - clock.monotonic();
    if (waitMs > 0 && this.#inFlight > 0) return;
    if (waitMs <= 0) return void this.#list();
    this.#cancelNext = clock.after(waitMs, () => {
      this.#cancelNext = undefined;
      void this.#list();
    });
  }

  status(): RuntimeStatus {
    return { sandboxes: this.#sandboxes.size, problem: this.#problem };
  }

  /** Keeps the list up to date until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.refresh();
      await pause(this.#options.clock, listEveryMs, signal);
    }
    this.#cancelNext?.();
    this.#options.runtime.close();
  }

  async #list(): Promise<void> {
    const { clock, runtime } = this.#options;
    const startedAt = this.#startedAt = clock.monotonic();
    this.#inFlight++;
    try {
      this.#take(await runtime.readySandboxes(), startedAt);
    } catch (fault) {
      this.#missed(messageOf(fault));
    }
    this.#inFlight--;
    this.#notify();
  }

  #take(listed: readonly Sandbox[], startedAt: number): void {
    this.#answered();
    if (startedAt <= this.#listedAt) return;
    this.#listedAt = startedAt;
    this.#replace(listed);
  }

  #replace(listed: readonly Sandbox[]): void {
    this.#sandboxes.clear();
    for (const sandbox of listed) this.#sandboxes.set(sandbox.id, sandbox);
    for (const id of this.#addresses.keys()) {
      if (!this.#sandboxes.has(id)) this.#addresses.delete(id);
    }
    for (const { id } of listed) {
      if (!this.#addresses.has(id) && !this.#lookups.has(id)) void this.#lookUp(id);
    }
    this.#index();
  }

  /** A sandbox that can't be looked up delays no other; the next list tries it again. */
  async #lookUp(id: string): Promise<void> {
    this.#lookups.add(id);
    const addresses = await this.#options.runtime.addresses(id).catch(() => null);
    this.#lookups.delete(id);
    if (addresses === null || !this.#sandboxes.has(id)) return;
    this.#addresses.set(id, canonicalAddresses(addresses));
    this.#index();
    this.#notify();
  }

  #index(): void {
    this.#byAddress.clear();
    for (const { id, podUid } of this.#sandboxes.values()) {
      for (const ip of new Set(this.#addresses.get(id))) {
        this.#byAddress.set(ip, [...this.#byAddress.get(ip) ?? [], podUid]);
      }
    }
  }

  #notify(): void {
    for (const listener of this.#listeners) listener();
  }

  #answered(): void {
    if (this.#problem !== null) this.#options.log.info({}, "container runtime answers");
    this.#problem = null;
  }

  #missed(problem: string): void {
    if (problem !== this.#problem) {
      this.#options.log.warn({ problem }, "container runtime doesn't answer");
    }
    this.#problem = problem;
  }
}

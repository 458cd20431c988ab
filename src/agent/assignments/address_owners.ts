/**
 * Whose each address is by the container runtime's word: the pod of the READY sandbox that has it.
 * Whether that pod is one of this node's, and what it gets, is `assignments.ts`'s.
 */
import { canonicalAddresses } from "../../net/ip_address.ts";
import { pause } from "../../time/pause.ts";
import type { Clock, ContainerRuntime, Log, Sandbox } from "../ports.ts";

/** So that a request that waits learns of a new sandbox, and readiness of a silent runtime. */
const listEveryMs = 1000;

/**
 * How long before a request the runtime may have been asked. A sandbox stops being READY before its
 * network is taken down, and the next one with its address has to be set up and its container
 * started before that can ask: some hundred milliseconds at the least.
 */
export const heardWithinMs = 100;

/** Lists under way. */
const atOnce = 3;

export type Owner =
  | { readonly kind: "pod"; readonly uid: string }
  | { readonly kind: "none" | "several" }
  /** The runtime hasn't said anything recently enough. */
  | { readonly kind: "unavailable" };

export interface RuntimeStatus {
  readonly sandboxes: number;
  /** What stands in the way, in one line; null while the runtime answers. */
  readonly problem: string | null;
}

export interface AddressOwnersOptions {
  readonly runtime: ContainerRuntime;
  readonly clock: Clock;
  readonly log: Log;
  /** Called after each word of the runtime, and each failure. */
  readonly heard: () => void;
}

export class AddressOwners {
  readonly #options: AddressOwnersOptions;
  readonly #sandboxes = new Map<string, Sandbox>();
  /** Canonical; a sandbox keeps its addresses for life. */
  readonly #addresses = new Map<string, readonly string[]>();
  readonly #lookups = new Set<string>();
  readonly #byAddress = new Map<string, readonly string[]>();
  #problem: string | null = "not asked yet";
  #underWay = 0;
  #cancelNext: (() => void) | undefined;
  #askedAt = -Infinity;
  /** When the list in use was asked for. */
  #heardAt = -Infinity;

  constructor(options: AddressOwnersOptions) {
    this.#options = options;
  }

  /** The address's pod by a list asked for at `since` (monotonic) or later. */
  owner(ip: string, since: number): Owner {
    if (this.#heardAt < since) return { kind: "unavailable" };
    const [uid, ...others] = this.#byAddress.get(ip) ?? [];
    if (uid === undefined) return { kind: "none" };
    return others.length > 0 ? { kind: "several" } : { kind: "pod", uid };
  }

  /** The pod that had the address when the runtime was last heard, however long ago. */
  lastKnown(ip: string): string | undefined {
    const owner = this.owner(ip, -Infinity);
    return owner.kind === "pod" ? owner.uid : undefined;
  }

  /** Addresses of a pod's READY sandboxes as last heard. */
  addressesOf(uid: string): readonly string[] {
    const own = [...this.#sandboxes.values()].filter(({ podUid }) => podUid === uid);
    return own.flatMap(({ id }) => this.#addresses.get(id) ?? []);
  }

  /** Whether the pod has a READY sandbox, by a list asked for at `since` (monotonic) or later. */
  runs(uid: string, since: number): boolean {
    if (this.#heardAt < since) return false;
    return [...this.#sandboxes.values()].some(({ podUid }) => podUid === uid);
  }

  /**
   * Asks the runtime, ten times a second at most; `heard` tells when it has answered. A slow one is
   * asked again before it has, since what it was asked too long ago is no answer any more.
   */
  ask(): void {
    if (this.#underWay >= atOnce || this.#cancelNext) return;
    const { clock } = this.#options;
    const waitMs = this.#askedAt + heardWithinMs - clock.monotonic();
    if (waitMs > 0 && this.#underWay > 0) return;
    if (waitMs <= 0) return void this.#list();
    this.#cancelNext = clock.after(waitMs, () => {
      this.#cancelNext = undefined;
      void this.#list();
    });
  }

  status(): RuntimeStatus {
    return { sandboxes: this.#sandboxes.size, problem: this.#problem };
  }

  /** Keeps asking until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.ask();
      await pause(this.#options.clock, listEveryMs, signal);
    }
    this.#cancelNext?.();
    this.#options.runtime.close();
  }

  async #list(): Promise<void> {
    const { clock, runtime, heard } = this.#options;
    const askedAt = this.#askedAt = clock.monotonic();
    this.#underWay++;
    try {
      this.#take(await runtime.readySandboxes(), askedAt);
    } catch (fault) {
      this.#missed(fault instanceof Error ? fault.message : String(fault));
    }
    this.#underWay--;
    heard();
  }

  #take(listed: readonly Sandbox[], askedAt: number): void {
    this.#answered();
    if (askedAt <= this.#heardAt) return;
    this.#heardAt = askedAt;
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

  /** One sandbox that can't be looked up holds up no other; the next list tries it again. */
  async #lookUp(id: string): Promise<void> {
    this.#lookups.add(id);
    const addresses = await this.#options.runtime.addresses(id).catch(() => null);
    this.#lookups.delete(id);
    if (addresses === null || !this.#sandboxes.has(id)) return;
    this.#addresses.set(id, canonicalAddresses(addresses));
    this.#index();
    this.#options.heard();
  }

  #index(): void {
    this.#byAddress.clear();
    for (const { id, podUid } of this.#sandboxes.values()) {
      for (const ip of new Set(this.#addresses.get(id))) {
        this.#byAddress.set(ip, [...this.#byAddress.get(ip) ?? [], podUid]);
      }
    }
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

/**
 * Listens for container credentials at each address given, once the node has it, and goes on
 * trying where that fails. What is answered there is `credentials_front.ts`'s.
 */
import { type HostPort, hostPortText } from "../../net/host_port.ts";
import { pause } from "../../time/pause.ts";
import type { Clock, Log } from "../ports.ts";

const checkEveryMs = 5000;

export interface DoorListener {
  connections(): { readonly open: number; readonly refused: number };
  close(graceMs: number): Promise<void>;
}

export interface CredentialsEndpointsOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly addresses: readonly HostPort[];
  /** Puts an address on the node. Rejects with one line that names the remedy. */
  readonly place: (ip: string) => Promise<void>;
  /** Rejects with the system's error and its `code`. */
  readonly listen: (at: HostPort) => Promise<DoorListener>;
}

interface Door {
  readonly at: HostPort;
  listener: DoorListener | null;
  /** What stands in the way, in one line. */
  problem: string | null;
}

export class CredentialsEndpoints {
  readonly #options: CredentialsEndpointsOptions;
  readonly #endpoints: readonly Door[];
  #round: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(options: CredentialsEndpointsOptions) {
    this.#options = options;
    this.#endpoints = options.addresses.map((at) => ({ at, listener: null, problem: "not yet" }));
  }

  /** One line for each address that isn't served. */
  missing(): readonly string[] {
    return this.#endpoints
      .filter(({ problem }) => problem !== null)
      .map(({ at, problem }) => `container credentials at ${hostPortText(at)}: ${problem}`);
  }

  connections(): { readonly open: number; readonly refused: number } {
    const all = this.#endpoints.map(({ listener }) => listener?.connections());
    const sum = (of: "open" | "refused") => all.reduce((sum, one) => sum + (one?.[of] ?? 0), 0);
    return { open: sum("open"), refused: sum("refused") };
  }

  /** One look at every address; never rejects. */
  check(): Promise<void> {
    if (!this.#closed) this.#round = this.#check();
    return this.#round;
  }

  /** Looks at once and then every 5 s, until the signal aborts. The addresses stay. */
  async run(signal: AbortSignal): Promise<void> {
    while (this.#endpoints.length > 0 && !signal.aborted) {
      await this.check();
      await pause(this.#options.clock, checkEveryMs, signal);
    }
  }

  /** Stops accepting; requests under way have `graceMs` to end. */
  async close(graceMs: number): Promise<void> {
    this.#closed = true;
    await this.#round;
    await Promise.all(this.#endpoints.map(({ listener }) => listener?.close(graceMs)));
  }

  async #check(): Promise<void> {
    for (const endpoint of this.#endpoints) {
      try {
        await this.#open(endpoint);
        endpoint.problem = null;
      } catch (fault) {
        this.#failed(endpoint, problemOf(fault));
      }
    }
  }

  async #open(endpoint: Door): Promise<void> {
    const { log, place, listen } = this.#options;
    await place(endpoint.at.host);
    if (endpoint.listener) return;
    endpoint.listener = await listen(endpoint.at);
    log.info({ listener: "container-credentials", ...endpoint.at }, "listening");
  }

  #failed(endpoint: Door, problem: string): void {
    if (problem === endpoint.problem) return;
    endpoint.problem = problem;
    this.#options.log.error(
      { address: hostPortText(endpoint.at), problem },
      "no container credentials there",
    );
  }
}

const remedies: Readonly<Record<string, string>> = {
  EADDRINUSE: "another program holds the address, such as EKS's own agent; remove either",
  EACCES: "not permitted; a port below 1024 needs the capability NET_BIND_SERVICE",
  EADDRNOTAVAIL: "the node doesn't have the address",
  // Deno's word for the same.
  EINVAL: "the node doesn't have the address",
};

function problemOf(fault: unknown): string {
  const { code, message } = fault as { code?: unknown; message?: unknown };
  return remedies[String(code)] ?? String(message ?? fault);
}

/**
 * Listens for container credentials at each of `--container-credentials`, once the node has the
 * address, and retries what fails. `front.ts` answers there.
 */
import { type HostPort, hostPortText } from "../../net/host_port.ts";
import { pause } from "../../time/pause.ts";
import type { AgentSettings } from "../config.ts";
import { frontLimits } from "../lifecycle/listen_limits.ts";
import type { Clock, Log, RunProgram } from "../ports.ts";
import { placeAddress } from "./node_addresses.ts";

const checkEveryMs = 5000;

interface EndpointListener {
  connections(): { readonly open: number; readonly refused: number };
  close(graceMs: number): Promise<void>;
}

interface CredentialsEndpointsOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly addresses: readonly HostPort[];
  /** Puts an address on the node. Rejects with one line that names the remedy. */
  readonly place: (ip: string) => Promise<void>;
  /** Rejects with the system's error and its `code`. */
  readonly listen: (at: HostPort) => Promise<EndpointListener>;
}

interface Endpoint {
  readonly at: HostPort;
  listener: EndpointListener | null;
  /** Why it isn't served, in one line. */
  problem: string | null;
}

/** What the endpoints need of the node; `Handler` is the listener's. */
interface EndpointsNode<Handler> {
  readonly run: RunProgram;
  readonly listen: (options: {
    readonly host: string;
    readonly port: number;
    readonly handler: Handler;
    readonly limits: ReturnType<typeof frontLimits>;
    readonly reusePort: boolean;
  }) => Promise<EndpointListener>;
}

/** Has no endpoints if `--container-credentials` is empty. */
export function createEndpoints<Handler>(
  node: EndpointsNode<Handler>,
  settings: AgentSettings,
  handler: Handler,
  watch: { readonly clock: Clock; readonly log: Log },
): CredentialsEndpoints {
  const limits = frontLimits(settings);
  return new CredentialsEndpoints({
    ...watch,
    addresses: settings.containerCredentials,
    place: (ip) => placeAddress(node.run, ip),
    listen: (at) => node.listen({ ...at, handler, limits, reusePort: true }),
  });
}

export class CredentialsEndpoints {
  readonly #options: CredentialsEndpointsOptions;
  readonly #endpoints: readonly Endpoint[];
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

  /** Checks every address once; never rejects. */
  check(): Promise<void> {
    if (!this.#closed) this.#round = this.#check();
    return this.#round;
  }

  /** Checks immediately and then every 5 s, until the signal aborts. The addresses stay. */
  async run(signal: AbortSignal): Promise<void> {
    while (this.#endpoints.length > 0 && !signal.aborted) {
      await this.check();
      await pause(this.#options.clock, checkEveryMs, signal);
    }
  }

  /** Stops accepting; requests in flight have `graceMs` to finish. */
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

  async #open(endpoint: Endpoint): Promise<void> {
    const { log, place, listen } = this.#options;
    await place(endpoint.at.host);
    if (endpoint.listener) return;
    endpoint.listener = await listen(endpoint.at);
    log.info({ listener: "container-credentials", ...endpoint.at }, "listening");
  }

  #failed(endpoint: Endpoint, problem: string): void {
    if (problem === endpoint.problem) return;
    endpoint.problem = problem;
    this.#options.log.error(
      { address: hostPortText(endpoint.at), problem },
      "container credentials not served",
    );
  }
}

const remedies: Readonly<Record<string, string>> = {
  EADDRINUSE: "another program holds the address, such as EKS's own agent; remove either",
  EACCES: "not permitted; a port below 1024 needs the capability NET_BIND_SERVICE",
  EADDRNOTAVAIL: "the node doesn't have the address",
  // On Deno, for the same.
  EINVAL: "the node doesn't have the address",
};

function problemOf(fault: unknown): string {
  const { code, message } = fault as { code?: unknown; message?: unknown };
  return remedies[String(code)] ?? String(message ?? fault);
}

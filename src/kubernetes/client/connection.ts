/**
 * Where the Kubernetes API is and how to authenticate to it. `in_cluster.ts` and `kubeconfig.ts` make
 * connections, `api.ts` uses them.
 */
import type { HttpClientOptions } from "../../runtime/http/types.ts";
import type { ProxyFor } from "../../net/environment_proxy.ts";
import { messageWithCause } from "./api_fault.ts";
import type { Clock } from "../../time/clock.ts";

/** What one request needs: TLS material and headers. */
export interface Access {
  readonly tls: Pick<
    HttpClientOptions,
    "ca" | "cert" | "key" | "rejectUnauthorized" | "serverName"
  >;
  readonly headers:
    & Readonly<Record<string, string | readonly string[]>>
    & { readonly Authorization?: string };
}

export interface Connection {
  /** `https://HOST:PORT` with an optional path, without a trailing slash. */
  readonly server: string;
  /** The namespace that the settings name, or null. */
  readonly namespace: string | null;
  /** The proxy's URL for a request's; absent where there is never a proxy. */
  readonly proxyFor?: ProxyFor;
  /**
   * The current state, as tokens and certificates rotate. `refresh` bypasses caches, after a 401.
   * @throws {ConnectionFault} a file or plug-in fails at the moment
   */
  access(refresh: boolean): Promise<Access>;
}

export interface ConnectionOptions {
  readonly clock: Clock;
  readTextFile(path: string): Promise<string>;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/**
 * The settings for the API can't be used. `settings_broken` needs an edit, `kubeconfig_missing` says
 * that there is no kubeconfig at all; `access_unavailable` (a file is missing, a plug-in failed) may
 * pass. Names files, never their content.
 */
export class ConnectionFault extends Error {
  override readonly name = "ConnectionFault";
  readonly code: "settings_broken" | "kubeconfig_missing" | "access_unavailable";

  constructor(code: ConnectionFault["code"], message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** How long a file's content is cached; client-go re-reads tokens as often. */
const fileAgeMs = 60_000;

/** Reads files again every minute, so that rotated tokens and certificates are used. */
export class FileCache {
  readonly #options: ConnectionOptions;
  readonly #held = new Map<string, { readonly text: string; readonly readAt: number }>();

  constructor(options: ConnectionOptions) {
    this.#options = options;
  }

  async read(path: string, refresh: boolean): Promise<string> {
    const held = this.#held.get(path);
    const now = this.#options.clock.monotonic();
    if (held && !refresh && now - held.readAt < fileAgeMs) return held.text;
    const text = await this.#fresh(path);
    this.#held.set(path, { text, readAt: now });
    return text;
  }

  async #fresh(path: string): Promise<string> {
    try {
      return await this.#options.readTextFile(path);
    } catch (fault) {
      const message = `kubernetes: cannot read ${path}: ${messageWithCause(fault)}`;
      throw new ConnectionFault("access_unavailable", message, { cause: fault });
    }
  }
}

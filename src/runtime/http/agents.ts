/** Connections for outgoing requests: kept in pools, direct or through a proxy. */
import http from "node:http";
import https from "node:https";
import type { Duplex } from "node:stream";
import type { HttpClientOptions } from "./types.ts";

/** For `http://` and for `https://` URLs. */
export interface AgentPair {
  readonly plain: http.Agent;
  readonly tls: https.Agent;
}

export interface ClientSettings extends HttpClientOptions {
  readonly connectTimeoutMs: number;
}

/** The proxy refused, or can't be reached. Names it without its credentials. */
class ProxyFault extends Error {
  readonly code = "proxy_failed";
  override readonly name = "ProxyFault";
}

export class Agents {
  readonly #settings: ClientSettings;
  readonly #options: https.AgentOptions;
  readonly #direct: AgentPair;
  readonly #proxied = new Map<string, Promise<AgentPair>>();

  constructor(settings: ClientSettings, pool: https.AgentOptions) {
    const { ca, cert, key, rejectUnauthorized } = settings;
    this.#settings = settings;
    this.#options = { ...pool, ...present({ ca, cert, key, rejectUnauthorized }) };
    this.#direct = { plain: new http.Agent(this.#options), tls: new https.Agent(this.#options) };
  }

  /** A proxy's agents are loaded when they are first needed: most programs have no proxy. */
  for(url: string): AgentPair | Promise<AgentPair> {
    const { proxyFor, connectTimeoutMs } = this.#settings;
    const proxy = proxyFor?.(url) ?? null;
    if (proxy === null) return this.#direct;
    const made = this.#proxied.get(proxy) ?? proxyAgents(proxy, this.#options, connectTimeoutMs);
    this.#proxied.set(proxy, made);
    return made;
  }

  close(): void {
    destroy(this.#direct);
    for (const agents of this.#proxied.values()) void agents.then(destroy, () => {});
  }
}

function destroy({ plain, tls }: AgentPair): void {
  plain.destroy();
  tls.destroy();
}

function present<T extends object>(options: T): Partial<T> {
  return Object.fromEntries(
    Object.entries(options).filter(([, value]) => value !== undefined),
  ) as Partial<T>;
}

/**
 * As in Go's net/http, the proxy is sent whole `http://` URLs and, for `https://` URLs, a CONNECT.
 * Its own URL has the scheme http, https, socks5 or socks5h.
 */
async function proxyAgents(
  proxy: string,
  options: https.AgentOptions,
  timeout: number,
): Promise<AgentPair> {
  if (proxy.startsWith("socks")) {
    const { SocksProxyAgent } = await import("socks-proxy-agent");
    const agent = new SocksProxyAgent(proxy, { ...options, timeout });
    return { plain: agent, tls: agent as unknown as https.Agent };
  }
  const { HttpProxyAgent } = await import("http-proxy-agent");
  return { plain: new HttpProxyAgent(proxy, options), tls: await tunnel(proxy, options, timeout) };
}

/** By hpagent: https-proxy-agent 9 pools no connections and takes a refusal for the answer. */
async function tunnel(
  proxy: string,
  options: https.AgentOptions,
  timeout: number,
): Promise<https.Agent> {
  const { HttpsProxyAgent } = await import("hpagent");
  const named = (cause: Error) =>
    new ProxyFault(`proxy ${new URL(proxy).host}: ${cause.message}`, { cause });
  class Tunnel extends HttpsProxyAgent {
    override createConnection(target: http.RequestOptions, connected?: Connected) {
      return super.createConnection(
        { ...target, timeout },
        (fault, socket) => connected?.(fault && named(fault), socket),
      );
    }
  }
  return new Tunnel({ ...options, proxy });
}

type Connected = (fault: Error | null, socket: Duplex) => void;

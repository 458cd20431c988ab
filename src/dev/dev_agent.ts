/** The agent as it is, joined to the server of the same process; nothing is redirected. */
import type { Registry } from "prom-client";
import { type Agent, createAgent } from "../agent/agent.ts";
import { serverToken } from "../agent/server_client/server_token.ts";
import type { Clock, Log } from "../agent/ports.ts";
import { TokenKeyRing } from "../agent/imds/token_keys.ts";
import { createImds } from "../aws/imds.ts";
import type { HttpClient, Listener } from "../runtime/runtime.ts";
import type { AgentTokens } from "./agent_tokens.ts";
import type { DevSettings } from "./config.ts";

export interface DevAgentOptions {
  readonly settings: DevSettings;
  readonly about: { readonly version: string; readonly runtime: string };
  readonly clock: Clock;
  readonly log: Log;
  readonly registry: Registry;
  readonly tokens: AgentTokens;
  /** To the server of this process. */
  readonly server: HttpClient;
  /** To the metadata service. */
  readonly http: HttpClient;
  readonly metadataUrl: string;
  /** The metadata front; undefined before it listens. */
  readonly front: () => Listener | undefined;
}

/** Session tokens last as long as the process: their keys are kept in memory. */
export function createDevAgent(options: DevAgentOptions): Agent {
  const { settings, about, clock, log, registry, tokens, server: client } = options;
  return createAgent({
    settings: { ...settings.agent, hostIp: null, hostIpv6: null },
    about,
    clock,
    log,
    registry,
    // The one server there is needn't be spared: no waiting for a moment drawn by lot.
    random: () => 0,
    access: () => Promise.resolve({ client, token: serverToken(tokens.issue())! }),
    resolve: () => Promise.resolve(["127.0.0.1"]),
    upstream: createImds({ baseUrl: options.metadataUrl, http: options.http, clock }),
    tokenKeys: new TokenKeyRing({
      random: (bytes) => crypto.getRandomValues(new Uint8Array(bytes)),
    }),
    redirect: null,
    connections: () => options.front()?.connections(),
  });
}

import type { AgentSettings } from "../../src/agent/config.ts";
import { passthroughRule } from "../../src/agent/imds/passthrough_rule.ts";

/** An agent that identifies pods by address, without redirect rules and without limits. */
export const agentSettings = {
  server: "https://rolecall-server:8443",
  hostIp: "10.0.0.1",
  hostIpv6: null,
  allowedHosts: [],
  passthrough: passthroughRule("all", false),
  tokenRequired: false,
  podRate: 0,
  graceMs: 25_000,
  identity: "address",
  runtimeHandlers: [],
  containerCredentials: [],
} satisfies Partial<AgentSettings>;

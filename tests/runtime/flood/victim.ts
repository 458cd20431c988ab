/** Listens with the limits of every port that pods can reach; prints the ports; exits on a signal. */
import { readFileSync } from "node:fs";
import { createImdsFront } from "../../../src/agent/imds/front.ts";
import { adminLimits, frontLimits } from "../../../src/agent/lifecycle/listen_limits.ts";
import { parseAgentConfig } from "../../../src/agent/config.ts";
import { passthroughRule } from "../../../src/agent/imds/passthrough_rule.ts";
import { TokenKeyRing } from "../../../src/agent/imds/token_keys.ts";
import type { Handler, ListenLimits, ListenOptions } from "../../../src/runtime/http/types.ts";
import { createRuntime } from "../../../src/runtime/process.ts";
import { systemClock } from "../../../src/time/system_clock.ts";
import { agentLimits, pageLimits } from "../../../src/server/listeners.ts";
import { fakePods, samplePods } from "../../fakes/pods.ts";

const runtime = createRuntime();
const { openFilesLimit } = runtime;
const agent = parseAgentConfig(["--redirect=none"], {}, { hasIpv6: false, openFilesLimit });
if (agent.kind === "problems") throw new Error(agent.problems.join("; "));

const { answer: front } = createImdsFront({
  pods: fakePods({ kind: "pod", pod: samplePods.ready }),
  upstream: () => Promise.reject(new Error("nothing is passed on here")),
  clock: systemClock,
  tokenKeys: new TokenKeyRing({ random: (bytes) => new Uint8Array(bytes) }),
  allowedHosts: [],
  passthrough: passthroughRule("none", false),
  tokenRequired: false,
  podRate: 0,
});
const page: Handler = () => ({ status: 200, headers: [], body: "ok\n" });

async function listen(handler: Handler, limits: ListenLimits, tls?: ListenOptions["tls"]) {
  const options = { host: "127.0.0.1", port: 0, handler, limits };
  return (await runtime.listen(tls === undefined ? options : { ...options, tls })).port;
}

const ports = {
  front: await listen(front, frontLimits(agent.settings)),
  "agent's pages": await listen(page, adminLimits),
  "server's pages": await listen(page, pageLimits),
  "server's agents": await listen(
    page,
    agentLimits(openFilesLimit),
    JSON.parse(readFileSync(0, "utf8")),
  ),
};
runtime.onStop(() => runtime.exit(0));
runtime.writeOut(`listening ${JSON.stringify(ports)}\n`);

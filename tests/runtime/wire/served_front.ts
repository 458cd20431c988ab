/** The metadata front behind a real listener, before a metadata service of the test's choice. */
import type { TestContext } from "node:test";
import { createImdsFront, type ImdsFrontOptions } from "../../../src/agent/imds/front.ts";
import { imdsServer } from "../../../src/agent/imds/refusals.ts";
import { passthroughRule } from "../../../src/agent/imds/passthrough_rule.ts";
import { TokenKeyRing } from "../../../src/agent/imds/token_keys.ts";
import { createImds } from "../../../src/aws/imds.ts";
import { createHttpClient } from "../../../src/runtime/http/client.ts";
import { listen } from "../../../src/runtime/http/listener.ts";
import { createFastClient } from "../../../src/runtime/http/fast/client.ts";
import { systemClock } from "../../../src/time/system_clock.ts";
import { fakePods, samplePods } from "../../fakes/pods.ts";
import { patientLimits } from "../../fakes/listen_limits.ts";

interface ServedFrontOptions {
  readonly upstreamUrl: string;
  readonly upstreamTimeoutMs?: number;
  /** Whether answers of the plain form take the quick way, as in the agent; else all go the other. */
  readonly quick?: boolean;
  readonly options?: Partial<ImdsFrontOptions>;
}

/** The front's port; it ends with the test. */
export async function serveFront(t: TestContext, options: ServedFrontOptions): Promise<number> {
  const client = createHttpClient();
  const { answer: handler } = createImdsFront({
    pods: fakePods({ kind: "pod", pod: samplePods.ready }),
    clock: systemClock,
    upstream: createImds({
      baseUrl: options.upstreamUrl,
      http: client,
      fastGet: options.quick === false ? undefined : createFastClient(options.upstreamUrl),
      clock: systemClock,
      timeoutMs: options.upstreamTimeoutMs ?? 30_000,
    }),
    tokenKeys: new TokenKeyRing({
      random: (bytes) => crypto.getRandomValues(new Uint8Array(bytes)),
    }),
    allowedHosts: [],
    passthrough: passthroughRule("all", false),
    tokenRequired: false,
    podRate: 0,
    ...options.options,
  });
  const listener = await listen({
    host: "127.0.0.1",
    port: 0,
    handler,
    limits: patientLimits,
    serverHeader: imdsServer,
  });
  t.after(async () => {
    await listener.close(0);
    client.close();
  });
  return listener.port;
}

/** A request as SDKs send it, on a connection that ends with the answer. */
export function request(method: string, target: string, ...headers: string[]): string {
  const head = [`${method} ${target} HTTP/1.1`, "Host: 169.254.169.254", "Connection: close"];
  return [...head, ...headers, "", ""].join("\r\n");
}

/** The `wait` command, for an init container: the pod starts once its credentials are there. */
import { refuse } from "../cli/command.ts";
import { parseFlagsOnly } from "../cli/parse_flags.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { systemClock } from "../time/system_clock.ts";
import { waitFlags } from "./flags.ts";
import { waitForCredentials } from "./wait_for_credentials.ts";

/** 0 with credentials, 3 if the pod is denied or has no role, 4 after the timeout. */
export async function runWait(runtime: Runtime, args: readonly string[]): Promise<number> {
  const parsed = parseFlagsOnly("wait", waitFlags, args, runtime.env);
  if (parsed.kind === "problems") return refuse(runtime, parsed.problems);
  const { timeout } = parsed.values;
  const http = runtime.httpClient();
  const outcome = await waitForCredentials({
    fetch: http.fetch,
    endpoint: endpointOf(runtime.env),
    clock: systemClock,
    timeoutMs: timeout * 1000,
    waiting: (reason) => runtime.writeError(`waiting: ${reason}\n`),
  });
  http.close();
  if (outcome.kind === "credentials") {
    runtime.writeOut(`${outcome.role}: credentials until ${outcome.expiration}\n`);
    return 0;
  }
  const prefix = outcome.kind === "timeout" ? `no credentials within ${timeout} s; last: ` : "";
  runtime.writeError(`${prefix}${outcome.reason}\n`);
  return outcome.kind === "timeout" ? 4 : 3;
}

/** AWS SDKs' own variables (AWS SDKs and Tools Reference Guide, "IMDS credential provider"). */
function endpointOf(env: Runtime["env"]): string {
  const given = env["AWS_EC2_METADATA_SERVICE_ENDPOINT"];
  if (given) return given.replace(/\/+$/, "");
  const mode = env["AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE"];
  return mode?.toLowerCase() === "ipv6" ? "http://[fd00:ec2::254]" : "http://169.254.169.254";
}

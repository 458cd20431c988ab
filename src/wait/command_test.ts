import { test } from "node:test";
import assert from "node:assert/strict";
import { fakeRuntime } from "../../tests/fakes/runtime.ts";
import { runWait } from "./command.ts";

const document = JSON.stringify({ Code: "Success", Expiration: "2026-01-01T01:00:00Z" });

/** A service whose list of roles is answered like this; keeps the hosts it was reached at. */
function service(status: number, list: string) {
  const hosts = new Set<string>();
  const fetch = (url: string, init?: { readonly method?: string }) => {
    hosts.add(new URL(url).host);
    if (init?.method === "PUT") return Promise.resolve(new Response("token"));
    const isList = url.endsWith("security-credentials/");
    const answer = isList ? new Response(list, { status }) : new Response(document);
    return Promise.resolve(answer);
  };
  return { fetch, hosts };
}

// what the service says, exit code, output
const outcomes = [
  [200, "cart", 0, "cart: credentials until 2026-01-01T01:00:00Z\n"],
  [404, "this pod has no role\n", 3, "this pod has no role\n"],
  [403, "denied\n", 3, "denied\n"],
] as const;

for (const [status, list, code, output] of outcomes) {
  test(`wait: ${status} gives exit code ${code}`, async () => {
    const { runtime, written } = fakeRuntime({ fetch: service(status, list).fetch });
    assert.equal(await runWait(runtime, []), code);
    assert.equal(written(), output);
  });
}

test("wait: the SDKs' variables choose the address", async () => {
  const environments = [
    [{}, "169.254.169.254"],
    [{ AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE: "IPv6" }, "[fd00:ec2::254]"],
    [{ AWS_EC2_METADATA_SERVICE_ENDPOINT: "http://10.0.0.5:8181/" }, "10.0.0.5:8181"],
  ] as const;
  for (const [env, host] of environments) {
    const { fetch, hosts } = service(200, "cart");
    assert.equal(await runWait(fakeRuntime({ env, fetch }).runtime, []), 0);
    assert.deepEqual([...hosts], [host]);
  }
});

test("wait: wrong flags are exit 2, each on its line", async () => {
  const { runtime, written } = fakeRuntime({});
  assert.equal(await runWait(runtime, ["--timeout=soon"]), 2);
  assert.match(written(), /^--timeout: "soon" is not valid; expected a duration/);
  const stray = fakeRuntime({});
  assert.equal(await runWait(stray.runtime, ["pod/cart"]), 2);
  assert.match(stray.written(), /pod\/cart: unexpected; wait takes flags only/);
});

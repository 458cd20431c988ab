import { test } from "node:test";
import assert from "node:assert/strict";
import { flushPromises } from "../../tests/fakes/manual_clock.ts";
import { inProcessClient } from "./in_process_client.ts";

const url = "https://server.test/v1/x";

test("inProcessClient() hands on method, headers, body and peer", async () => {
  const client = inProcessClient(async (request, peer) => {
    const { method, url, headers } = request;
    const seen = [method, url, headers.get("authorization"), await request.text(), peer];
    return new Response(JSON.stringify(seen), { status: 207, headers: { "x-own": "y" } });
  }, "127.0.0.1");
  const response = await client.fetch(url, {
    method: "POST",
    headers: { authorization: "Bearer x" },
    body: new TextEncoder().encode("text"),
  });
  assert.equal(response.status, 207);
  assert.equal(response.headers.get("x-own"), "y");
  assert.deepEqual(await response.json(), ["POST", url, "Bearer x", "text", "127.0.0.1"]);
});

/** An answer that never ends, and whether its writer was stopped. */
function endless() {
  const seen = { cancelled: false };
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(new TextEncoder().encode("first")),
    cancel: () => {
      seen.cancelled = true;
    },
  });
  return { seen, answer: () => new Response(body) };
}

// name, what ends it
const ends = [
  ["an abort", (abort: AbortController) => abort.abort()],
  ["close()", (_: AbortController, client: ReturnType<typeof inProcessClient>) => client.close()],
] as const;

for (const [name, end] of ends) {
  test(`inProcessClient() ends an answer under way at ${name}, on both sides`, async () => {
    const { seen, answer } = endless();
    const client = inProcessClient(answer, "127.0.0.1");
    const abort = new AbortController();
    const response = await client.fetch(url, { signal: abort.signal });
    const reader = response.body!.getReader();
    assert.equal(new TextDecoder().decode((await reader.read()).value), "first");
    end(abort, client);
    await assert.rejects(reader.read());
    await flushPromises();
    assert.ok(seen.cancelled);
  });
}

test("inProcessClient() refuses a request that is already aborted", async () => {
  const client = inProcessClient(() => new Response("x"), "127.0.0.1");
  await assert.rejects(client.fetch(url, { signal: AbortSignal.abort() }));
});

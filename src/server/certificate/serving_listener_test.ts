import assert from "node:assert/strict";
import { test } from "node:test";
import { flushPromises } from "../../../tests/fakes/manual_clock.ts";
import type { Listener } from "../../runtime/http/types.ts";
import { type KeyPair, ServingListener } from "./serving_listener.ts";

const pair = (name: string): KeyPair => ({ cert: name, key: name });

function fakeListener(certificates: string[]): Listener {
  return {
    host: "::",
    port: 1,
    connections: () => ({ open: 0, refused: 0 }),
    setCertificate: ({ cert }) => void certificates.push(cert),
    close: () => Promise.resolve(),
  };
}

test("ServingListener: opens with the first certificate, then swaps it", async () => {
  const serving = new ServingListener();
  const certificates: string[] = [];
  const listening = serving.listen(new AbortController().signal, ({ cert }) => {
    certificates.push(`open ${cert}`);
    return Promise.resolve(fakeListener(certificates));
  });
  await flushPromises();
  assert.deepEqual(certificates, []);
  serving.use(pair("one"));
  await listening;
  serving.use(pair("two"));
  assert.deepEqual(certificates, ["open one", "two"]);
});

test("ServingListener: a certificate that comes while the port opens isn't lost", async () => {
  const serving = new ServingListener();
  const certificates: string[] = [];
  serving.use(pair("one"));
  await serving.listen(new AbortController().signal, () => {
    serving.use(pair("two"));
    return Promise.resolve(fakeListener(certificates));
  });
  assert.deepEqual(certificates, ["two"]);
});

test("ServingListener: stopped before there is a certificate, nothing is opened", async () => {
  const stop = new AbortController();
  const listening = new ServingListener().listen(stop.signal, () => assert.fail("opened"));
  stop.abort();
  assert.equal(await listening, null);
});

import { test } from "node:test";
import assert from "node:assert/strict";
import { listen } from "../runtime/http_listener.ts";
import { listenAt } from "./listening.ts";

const limits = {
  maxConnections: 4,
  maxConnectionsPerPeer: 4,
  headersTimeoutMs: 1000,
  requestTimeoutMs: 1000,
  keepAliveTimeoutMs: 1000,
  maxHeaderBytes: 8192,
};
const handler = () => new Response("ok");

test("listenAt() names flag, address and remedy where the port is taken", async () => {
  const wanted = { flag: "listen", at: { host: "127.0.0.1", port: 0 }, handler, limits };
  const first = await listenAt({ listen }, wanted);
  try {
    const at = { host: "127.0.0.1", port: first.port };
    await assert.rejects(listenAt({ listen }, { ...wanted, at }), {
      code: "listen_failed",
      message:
        `--listen 127.0.0.1:${first.port}: the port is taken; end the program that has it, ` +
        "or take a free one: --listen 127.0.0.1:0",
    });
  } finally {
    await first.close(0);
  }
});

test("listenAt() names an address that isn't this machine's", async () => {
  const at = { host: "192.0.2.1", port: 0 };
  await assert.rejects(listenAt({ listen }, { flag: "admin-listen", at, handler, limits }), {
    message: "--admin-listen 192.0.2.1:0: not an address of this machine; expected 127.0.0.1",
  });
});

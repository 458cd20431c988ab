import { test } from "node:test";
import assert from "node:assert/strict";
import { listen } from "../runtime/http/listener.ts";
import { anyAddress, listenAt } from "./listening.ts";

const limits = {
  maxConnections: 4,
  maxConnectionsPerPeer: 4,
  headersTimeoutMs: 1000,
  requestTimeoutMs: 1000,
  keepAliveTimeoutMs: 1000,
  maxHeaderBytes: 8192,
};
const handler = () => ({ status: 200, headers: [], body: "ok" });

test("listenAt() names flag, address and remedy if the port is taken", async () => {
  const wanted = { flag: "listen", at: { host: "127.0.0.1", port: 0 }, handler, limits };
  const first = await listenAt({ listen }, wanted);
  try {
    const at = { host: "127.0.0.1", port: first.port };
    await assert.rejects(listenAt({ listen }, { ...wanted, at }), {
      code: "listen_failed",
      message:
        `--listen 127.0.0.1:${first.port}: the port is taken; end the program that has it, ` +
        "or give --listen another port",
    });
  } finally {
    await first.close(0);
  }
});

// code of the system's error, message
const others = [
  [
    "EADDRNOTAVAIL",
    "--listen 192.0.2.1:80: not an address of this machine; expected one of its own, such as 127.0.0.1",
  ],
  [
    "ENOTFOUND",
    "--listen 192.0.2.1:80: not an address of this machine; expected one of its own, such as 127.0.0.1",
  ],
  [
    "EACCES",
    "--listen 192.0.2.1:80: not permitted; give --listen a port from 1024 on",
  ],
  ["EMFILE", "--listen 192.0.2.1:80: the system's words"],
] as const;

for (const [code, message] of others) {
  test(`listenAt() says what to do about ${code}`, async () => {
    const fails = () => Promise.reject(Object.assign(new Error("the system's words"), { code }));
    const wanted = { flag: "listen", at: { host: "192.0.2.1", port: 80 }, handler, limits };
    await assert.rejects(listenAt({ listen: fails }, wanted), { code: "listen_failed", message });
  });
}

// wanted host, IPv6, where to listen
const hosts = [
  ["::", true, "::"],
  ["::", false, "0.0.0.0"],
  ["", true, "::"],
  ["", false, "0.0.0.0"],
  ["127.0.0.1", true, "127.0.0.1"],
  ["10.0.0.1", false, "10.0.0.1"],
] as const;

for (const [host, hasIpv6, expected] of hosts) {
  test(`anyAddress(${host}, IPv6 ${hasIpv6}): ${expected}`, () => {
    assert.deepEqual(anyAddress({ host, port: 1 }, hasIpv6), { host: expected, port: 1 });
  });
}

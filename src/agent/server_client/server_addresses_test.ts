import { test } from "node:test";
import assert from "node:assert/strict";
import { serverAddresses } from "./server_addresses.ts";

const addresses = ["10.0.1.1", "10.0.1.2", "fd00::1"];

function parts(server: string, random: number) {
  const requested: string[] = [];
  const resolve = (name: string) => {
    requested.push(name);
    return name === "nowhere" ? Promise.resolve([]) : Promise.resolve(addresses);
  };
  return { requested, server, resolve, random: () => random };
}

test("every address once, in random order, except the one to avoid", async () => {
  const orders = new Set<string>();
  for (const random of [0, 0.4, 0.999]) {
    const found = await serverAddresses(parts("https://rolecall-server:8443", random), null);
    assert.deepEqual([...found].sort(), addresses);
    orders.add(found.join());
  }
  assert.ok(orders.size > 1);
  const others = await serverAddresses(parts("https://rolecall-server:8443", 0), "10.0.1.1");
  assert.deepEqual([...others].sort(), ["10.0.1.2", "fd00::1"]);
});

test("an IPv6 address in --server is resolved without its brackets", async () => {
  const given = parts("https://[fd00::1]:8443", 0);
  await serverAddresses(given, null);
  assert.deepEqual(given.requested, ["fd00::1"]);
});

test("a name without addresses is a fault that names it", async () => {
  const message = "nowhere: no address found for it";
  await assert.rejects(serverAddresses(parts("https://nowhere", 0), null), { message });
});

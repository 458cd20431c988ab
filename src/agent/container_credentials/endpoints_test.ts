import { test } from "node:test";
import assert from "node:assert/strict";
import { ManualClock } from "../../../tests/fakes/manual_clock.ts";
import { RecordedLog } from "../../../tests/fakes/recorded_log.ts";
import { CredentialsEndpoints } from "./endpoints.ts";

const at = { host: "169.254.170.23", port: 80 };
const at6 = { host: "fd00:ec2::23", port: 80 };

function setUp(addresses = [at]) {
  const clock = new ManualClock();
  const log = new RecordedLog();
  const events: string[] = [];
  const faults: { place?: Error; listen?: Error } = {};
  const endpoints = new CredentialsEndpoints({
    clock,
    log,
    addresses,
    place: (ip) => faults.place ? Promise.reject(faults.place) : Promise.resolve(void ip),
    listen: ({ host, port }) => {
      if (faults.listen) return Promise.reject(faults.listen);
      events.push(`listen ${host} ${port}`);
      return Promise.resolve({
        connections: () => ({ open: 2, refused: 1 }),
        close: (graceMs) => Promise.resolve(void events.push(`close ${host} after ${graceMs}`)),
      });
    },
  });
  return { clock, log, events, faults, endpoints };
}

test("CredentialsEndpoints listens at each address once, and is then ready", async () => {
  const { clock, events, endpoints, log } = setUp([at, at6]);
  assert.deepEqual(endpoints.missing(), [
    "container credentials at 169.254.170.23:80: not yet",
    "container credentials at [fd00:ec2::23]:80: not yet",
  ]);
  const stop = new AbortController();
  const running = endpoints.run(stop.signal);
  await clock.advance(20_000);
  assert.deepEqual(endpoints.missing(), []);
  assert.deepEqual(endpoints.connections(), { open: 4, refused: 2 });
  stop.abort();
  await running;
  await endpoints.close(5000);
  assert.deepEqual(events, [
    "listen 169.254.170.23 80",
    "listen fd00:ec2::23 80",
    "close 169.254.170.23 after 5000",
    "close fd00:ec2::23 after 5000",
  ]);
  assert.equal(log.count("listening"), 2);
  assert.equal(clock.pending(), 0);
});

// code of the system's error, what readiness says
const listenFaults = [
  ["EADDRINUSE", /EKS's own agent/],
  ["EACCES", /NET_BIND_SERVICE/],
  ["EADDRNOTAVAIL", /doesn't have the address/],
  ["EINVAL", /doesn't have the address/],
  ["EMFILE", /too many open files/],
] as const;

for (const [code, text] of listenFaults) {
  test(`CredentialsEndpoints says why it can't listen (${code}) and tries again`, async () => {
    const { clock, log, faults, endpoints } = setUp();
    faults.listen = Object.assign(new Error("too many open files"), { code });
    const stop = new AbortController();
    const running = endpoints.run(stop.signal);
    await clock.advance(12_000);
    assert.match(endpoints.missing().join("\n"), text);
    assert.equal(log.count("container credentials not served"), 1);
    delete faults.listen;
    await clock.advance(5000);
    assert.deepEqual(endpoints.missing(), []);
    stop.abort();
    await running;
  });
}

test("CredentialsEndpoints isn't ready while its address is gone and can't be restored", async () => {
  const { faults, endpoints, log } = setUp();
  await endpoints.check();
  faults.place = new Error("ip addr add: not permitted");
  await endpoints.check();
  assert.deepEqual(endpoints.missing(), [
    "container credentials at 169.254.170.23:80: ip addr add: not permitted",
  ]);
  delete faults.place;
  await endpoints.check();
  assert.deepEqual(endpoints.missing(), []);
  assert.equal(log.count("listening"), 1);
});

test("CredentialsEndpoints without addresses does nothing", async () => {
  const { clock, endpoints } = setUp([]);
  await endpoints.run(new AbortController().signal);
  assert.deepEqual([endpoints.missing(), endpoints.connections()], [[], { open: 0, refused: 0 }]);
  assert.equal(clock.pending(), 0);
});

test("CredentialsEndpoints opens nothing once closed", async () => {
  const { events, endpoints } = setUp();
  await endpoints.close(0);
  await endpoints.check();
  assert.deepEqual(events, []);
});

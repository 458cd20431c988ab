import { test } from "node:test";
import assert from "node:assert/strict";
import { fakeIncoming } from "../../../tests/fakes/incoming.ts";
import { createHostCheck } from "./host_check.ts";

const check = createHostCheck({
  names: ["169.254.169.254", "fd00:ec2::254", "metadata.internal", "192.168.1.20", "fd00::20"],
  ownAddresses: true,
  remedy: "see --allowed-hosts",
});

// Host, whether it is ours; the address connected to is 192.168.1.10
const hosts = [
  ["169.254.169.254", true],
  ["169.254.169.254:80", true],
  ["[fd00:ec2::254]", true],
  ["[fd00:ec2:0:0::254]:80", true],
  ["192.168.1.10:8181", true],
  ["192.168.1.20", true],
  ["[fd00::20]:8181", true],
  ["metadata.internal:8181", true],
  ["METADATA.internal", true],
  ["localhost:8181", true],
  ["127.0.0.9:8181", true],
  ["[::1]:8181", true],
  ["metadata.internal.", true],
  ["169.254.169.254.:80", true],
  ["169.254.169.254:", true],
  ["metadata.internal..", false],
  [".", false],
  ["evil.example", false],
  ["192.168.1.11", false],
  ["169.254.169.254.evil.example", false],
  ["127.evil.example", false],
  ["127.0.0.1.evil.example", false],
  ["", false],
  [":80", false],
  ["169.254.169.254:80:80", false],
  ["169.254.169.254/latest", false],
  ["user@169.254.169.254", false],
  ["169.254.169.254 ", false],
  ["169.254.169.254?", false],
  ["[fd00:ec2::254%25eth0]", false],
  ["0xa9fea9fe", false],
  ["2852039166", false],
] as const;

for (const [host, ours] of hosts) {
  test(`host check: ${JSON.stringify(host)}: ${ours}`, () => {
    const problem = check(fakeIncoming({ headers: [["Host", host]] }));
    const line = `Host ${JSON.stringify(host)} isn't served here; see --allowed-hosts`;
    assert.equal(problem, ours ? undefined : line);
  });
}

test("host check: two Hosts never pass, even two good ones", () => {
  const headers = [["Host", "localhost"], ["host", "localhost"]] as const;
  assert.match(check(fakeIncoming({ headers })) ?? "", /more than one Host/);
});

test("host check: a request without Host passes with HTTP/1.0 only", () => {
  const without = { ...fakeIncoming(), headerValues: () => [] };
  assert.match(check(without) ?? "", /Host header is missing/);
  assert.equal(check({ ...without, httpVersion: "1.0" }), undefined);
});

test("host check: what it quotes is short and printable", () => {
  const host = `evil\x7f\xe9${"x".repeat(5000)}`;
  const problem = check(fakeIncoming({ headers: [["Host", host]] }));
  assert.match(problem ?? "", /^Host "evil\?\?x{58}\.\.\." isn't served here; /);
});

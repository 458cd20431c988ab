import { test } from "node:test";
import assert from "node:assert/strict";
import { fakeIncoming } from "../../../tests/fakes/incoming.ts";
import { createHostCheck } from "./host_check.ts";

const check = createHostCheck(["metadata.internal", "192.168.1.20", "fd00::20"]);

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
  ["evil.example", false],
  ["192.168.1.11", false],
  ["169.254.169.254.evil.example", false],
  ["127.evil.example", false],
  ["127.0.0.1.evil.example", false],
  ["", false],
  [":80", false],
  ["169.254.169.254:", false],
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
    assert.equal(check(fakeIncoming({ headers: [["Host", host]] })), ours);
  });
}

test("host check: two Hosts never pass, even two good ones", () => {
  const headers = [["Host", "localhost"], ["host", "localhost"]] as const;
  assert.equal(check(fakeIncoming({ headers })), false);
});

test("host check: none passes with HTTP/1.0 alone", () => {
  const without = { ...fakeIncoming(), headerValues: () => [] };
  assert.equal(check(without), false);
  assert.equal(check({ ...without, httpVersion: "1.0" }), true);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { agentLimits, listenHost, pageLimits, webHandler } from "./listeners.ts";

// wanted host, given, IPv6, where to listen
const hosts = [
  ["::", false, true, "::"],
  ["::", false, false, "0.0.0.0"],
  ["::", true, false, "::"],
  ["", true, true, "::"],
  ["", true, false, "0.0.0.0"],
  ["127.0.0.1", false, true, "127.0.0.1"],
  ["10.0.0.1", true, true, "10.0.0.1"],
] as const;

for (const [host, given, hasIpv6, expected] of hosts) {
  test(`listenHost(${host}, given ${given}, IPv6 ${hasIpv6}): ${expected}`, () => {
    assert.equal(listenHost({ host, port: 1 }, given, hasIpv6), expected);
  });
}

test("agentLimits(): all listeners together stay under half of the open files", () => {
  for (const files of [1024, 4096, 1_048_576]) {
    const all = agentLimits(files).maxConnections + 2 * pageLimits.maxConnections;
    assert.ok(all <= files / 2, `${files}`);
  }
  assert.equal(agentLimits(1_048_576).maxConnections, 4096);
});

// target, the path that the app sees, or the status
const targets: [string, string | number][] = [
  ["/v1/summary?x=1", "/v1/summary"],
  ["//v1/summary", "//v1/summary"],
  ["/v1/./summary", "/v1/summary"],
  ["http://elsewhere/v1/summary", 400],
  ["*", 400],
  ["", 400],
];

for (const [target, expected] of targets) {
  test(`webHandler() of ${JSON.stringify(target)}: ${expected}`, async () => {
    const handle = webHandler((request, { peer }) =>
      new Response(`${peer} ${new URL(request.url).pathname}`)
    );
    const toRequest = (url: string) => new Request(url);
    const response = await handle({ target, peer: "10.0.0.1", toRequest });
    const got = response.ok ? (await response.text()).replace("10.0.0.1 ", "") : response.status;
    assert.equal(got, expected);
  });
}

import assert from "node:assert/strict";
import { test } from "node:test";
import { webHandler } from "./web_handler.ts";

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
    const { status, body } = await handle({ target, peer: "10.0.0.1", toRequest });
    const text = await new Response(body as ReadableStream | string).text();
    const got = status === 200 ? text.replace("10.0.0.1 ", "") : status;
    assert.equal(got, expected);
  });
}

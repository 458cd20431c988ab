/** Attacks on the front as bytes on a socket: each gets its answer, and none gets through. */
import { after, before, test, type TestContext } from "node:test";
import assert from "node:assert/strict";
import { rawClient, rawExchange } from "../../fakes/raw_client.ts";
import { attacks, get, roles } from "./attacks.ts";
import { serveFront } from "./served_front.ts";
import { type StrictUpstream, strictUpstream } from "./strict_upstream.ts";

let upstream: StrictUpstream;
let port: number;
const endings: (() => unknown)[] = [];
before(async () => {
  upstream = await strictUpstream();
  const forAll = {
    after: (run: () => unknown) => void endings.push(run),
  } as unknown as TestContext;
  port = await serveFront(forAll, { upstreamUrl: upstream.url });
});
after(async () => {
  for (const end of endings) await end();
  upstream.close();
});

/** Statuses of all answers that came back. */
function statuses(text: string): number[] {
  return [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map((match) => Number(match[1]));
}

for (const [what, bytes, expected, passed] of attacks) {
  test(`attack: ${what}: ${expected.join(", ")}`, async () => {
    upstream.requested.length = 0;
    const answer = await finished(bytes, expected.length);
    assert.deepEqual(statuses(answer), expected, answer);
    assert.deepEqual(upstream.objections, []);
    assert.equal(upstream.requested.length, passed);
  });
}

/** All that comes back; the attacker closes its own side once that many answers are there. */
async function finished(bytes: string, answers: number): Promise<string> {
  const client = await rawClient(port);
  client.send(bytes);
  await Promise.race([client.until((text) => statuses(text).length >= answers), client.closed]);
  client.socket.end();
  const answer = await client.closed;
  client.socket.destroy();
  return answer;
}

test("attack: none of it ends the front", async () => {
  assert.match(await rawExchange(port, get(roles)), /\r\n\r\nreader$/);
});

/**
 * A server's list and watch against an API that lies, over a socket: no address is given to a pod if
 * another live pod claims it, nothing else is lost, and the next list corrects everything.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createKubernetesApi } from "../../src/kubernetes/client/api.ts";
import { pods } from "../../src/kubernetes/objects/objects.ts";
import { Reflector } from "../../src/kubernetes/reflector/reflector.ts";
import { createHttpClient } from "../../src/runtime/http/client.ts";
import { systemClock } from "../../src/time/system_clock.ts";
import { ClusterIndex } from "../../src/server/cluster/cluster_index.ts";
import { podFacts } from "../fakes/facts.ts";
import { quietLog } from "../fakes/quiet_log.ts";
import { FakeApiServer } from "../soak/fake_api_server.ts";
import { until } from "../system/until.ts";

const node = "n1";
const one = podFacts({ uid: "one", name: "one", ips: ["10.0.0.1"] });
const two = podFacts({ uid: "two", name: "two", ips: ["10.0.0.2"] });
const elsewhere = podFacts({ uid: "far", name: "far", nodeName: "n2", ips: ["10.0.0.1"] });
const service = {
  kind: "Service",
  metadata: { uid: "svc", namespace: "shop", name: "svc", resourceVersion: "3" },
  spec: { nodeName: node, clusterIP: "10.0.0.1" },
};
const line = (type: string, object: unknown) => `${JSON.stringify({ type, object })}\n`;
const patience = { within: 60_000, every: 10 };

// what it says, and whose 10.0.0.1 is by then
const lies: readonly (readonly [string, (api: FakeApiServer) => void, owner: string])[] = [
  ["a pod of another node with the address", (api) => api.lie("ADDED", elsewhere), "one"],
  ["the same pod three times", (api) => [1, 2, 3].forEach(() => api.lie("ADDED", one)), "one"],
  ["another live pod has the address", (api) => api.lie("MODIFIED", { ...two, ips: one.ips }), "-"],
  ["a live pod is deleted", (api) => api.lie("DELETED", one), "-"],
  ["a live pod has moved", (api) => api.lie("MODIFIED", { ...one, nodeName: "n2" }), "-"],
  ["how a pod was long ago", (api) => api.lie("MODIFIED", { ...one, ips: [] }, 1), "-"],
  ["a Service among pods", (api) => api.babble(line("ADDED", service)), "one"],
  [
    "a pod without a name",
    (api) => api.babble(line("MODIFIED", { metadata: { uid: "x" } })),
    "one",
  ],
  ["no JSON", (api) => api.babble("{nonsense}\n"), "one"],
  ["nothing that is an event", (api) => api.babble("null\n"), "one"],
  ["an event of no known type", (api) => api.babble(line("PARTED", {})), "one"],
  ["an error without a status", (api) => api.babble(line("ERROR", null)), "one"],
  ["a line of 20 MB", (api) => api.babble("x".repeat(20_000_000)), "one"],
  [
    "an object of 2 MB",
    (api) => api.babble(line("ADDED", { metadata: { x: "x".repeat(2e6) } })),
    "one",
  ],
  ["half a line", (api) => api.cut(), "one"],
];

const refusals = [["html", /middle of a line/], ["fails", /500/]] as const;

function claimed(index: ClusterIndex): string {
  const claim = index.claimOn(node, "10.0.0.1");
  return claim.kind === "pod" ? claim.pod.uid : "-";
}

test("an API that lies: no address gets a wrong owner, and the next list corrects everything", async (t) => {
  const fake = new FakeApiServer({ fixed: {}, user: {} });
  const server = await fake.listen();
  const api = createKubernetesApi({
    connection: {
      server,
      namespace: null,
      access: () => Promise.resolve({ tls: {}, headers: {} }),
    },
    httpClient: () => createHttpClient(),
    clock: systemClock,
    userAgent: "test",
  });
  const index = new ClusterIndex();
  const reflector = new Reflector({
    api,
    resource: pods,
    sink: index.pods,
    clock: systemClock,
    random: Math.random,
    log: quietLog,
  });
  const stop = new AbortController();
  const running = reflector.run(stop.signal);
  t.after(async () => {
    stop.abort();
    fake.close();
    await running;
    api.close();
  });
  for (const pod of [one, two]) fake.upsert(pod);
  await until("the pods", () => claimed(index) === "one", patience);

  for (const [name, send, owner] of lies) {
    await t.test(name, async () => {
      // Sent after the lie on the same watch, or on the next one.
      const mark = podFacts({ uid: `after ${name}`, name: "mark", ips: [] });
      await until("an open watch", () => fake.watching("pods"), patience);
      send(fake);
      fake.upsert(mark);
      await until("the events afterwards", () => index.pod(mark.uid) !== undefined, patience);
      assert.equal(claimed(index), owner);
      assert.equal(
        index.claimOn(node, "10.0.0.2").kind === "none",
        name.startsWith("another live"),
      );
      fake.remove(mark.uid);
      const { lists } = reflector.status();
      fake.forget();
      await until("a new list", () => reflector.status().lists > lists, patience);
      assert.equal(claimed(index), "one");
      assert.deepEqual([...index.podsOn(node)].map(({ uid }) => uid).sort(), ["one", "two"]);
    });
  }

  for (const [mood, error] of refusals) {
    await t.test(`it ${mood === "html" ? "answers with a page" : mood}`, async () => {
      fake.mood = mood;
      fake.cut();
      const refused = () => error.test(reflector.status().lastError ?? "");
      await until("a refused attempt", refused, patience);
      assert.equal(claimed(index), "one", "what is known stays");
      const next = podFacts({ uid: `during ${mood}`, name: "next", ips: [] });
      fake.upsert(next);
      fake.mood = "well";
      await until("its return", () => index.pod(next.uid) !== undefined, patience);
      fake.remove(next.uid);
    });
  }
});

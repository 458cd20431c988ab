import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { flushPromises, ManualClock } from "../../../tests/fakes/manual_clock.ts";
import { type AssignFrame, decodeFrame, type Frame } from "../../protocol/frames.ts";
import type { NodeAssignments } from "./assigner.ts";
import { AssignmentFeed, type FeedEnd } from "./assignment_feed.ts";

/** A node whose pods a test sets; the role's name is the version. */
class Node {
  readonly pods = new Map<string, string>();
  readonly #followers = new Set<(uid: string) => void>();

  readonly attach = (changed: (uid: string) => void): NodeAssignments => {
    this.#followers.add(changed);
    return {
      uids: () => [...this.pods.keys()],
      frame: (uid) => this.pods.has(uid) ? frame(uid, this.pods.get(uid)!) : undefined,
      detach: () => void this.#followers.delete(changed),
    };
  };

  set(uid: string, version: string | undefined): void {
    if (version === undefined) this.pods.delete(uid);
    else this.pods.set(uid, version);
    for (const changed of this.#followers) changed(uid);
  }

  get followers(): number {
    return this.#followers.size;
  }
}

function frame(uid: string, version: string): AssignFrame {
  const pod = { uid, namespace: "shop", name: uid, ips: [], hostNetwork: false, imdsv2: false };
  return { type: "assign", pod, role: { arn: "arn", name: version, requested: "", identity: "" } };
}

function opened(node = new Node(), watchAge = () => 1.23) {
  const clock = new ManualClock();
  const ends: FeedEnd[] = [];
  const feed = new AssignmentFeed({
    attach: node.attach,
    clock,
    watchAgeSeconds: watchAge,
    stuckAfterMs: 30_000,
    ended: (why) => ends.push(why),
  });
  return { node, clock, ends, feed, reader: feed.body.getReader() };
}

async function frames(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<Frame[]> {
  const { value } = await reader.read();
  const text = new TextDecoder().decode(value);
  assert.ok(text.endsWith("\n"));
  return text.trimEnd().split("\n").map((line) => decodeFrame(line)!);
}

/** A frame in a word: `web=1`, `-web`, `synced`, `ping 1.2`. */
function word(frame: Frame): string {
  if (frame.type === "assign") return `${frame.pod.uid}=${frame.role?.name}`;
  if (frame.type === "revoke") return `-${frame.uid}`;
  return frame.type === "ping" ? `ping ${frame.watchAgeSeconds}` : frame.type;
}

test("AssignmentFeed: all pods, synced, how fresh the watch is, then changes", async () => {
  const node = new Node();
  node.set("a", "1");
  node.set("b", "1");
  const { reader } = opened(node);
  assert.deepEqual((await frames(reader)).map(word), [
    "ping 1.2",
    "a=1",
    "b=1",
    "synced",
    "ping 1.2",
  ]);
  const next = frames(reader);
  await flushPromises();
  node.set("a", "2");
  assert.deepEqual((await next).map(word), ["a=2"]);
});

test("AssignmentFeed: the latest state of each pod is sent once, and a removal as revoke", async () => {
  const { node, reader } = opened();
  await frames(reader);
  for (const version of ["1", "2", "3"]) node.set("a", version);
  node.set("b", "1");
  node.set("b", undefined);
  assert.deepEqual((await frames(reader)).map(word), ["a=3", "-b"]);
});

test("AssignmentFeed: a ping every 5 s, one at most waiting", async () => {
  let age = 1;
  const { clock, reader } = opened(new Node(), () => age);
  await frames(reader);
  await clock.advance(15_000);
  age = Infinity;
  assert.deepEqual((await frames(reader)).map(word), ["ping 86400"]);
});

test("AssignmentFeed: a ping every second while the watch is late, so its return is known", async () => {
  let age = 20;
  const { clock, reader } = opened(new Node(), () => age);
  await frames(reader);
  for (const [watchAge, received] of [[21, "ping 21"], [0, "ping 0"]] as const) {
    age = watchAge;
    const next = frames(reader);
    await flushPromises();
    await clock.advance(1_000);
    assert.deepEqual((await next).map(word), [received]);
  }
  const next = frames(reader);
  await flushPromises();
  await clock.advance(4_999);
  age = 4;
  await clock.advance(1);
  assert.deepEqual((await next).map(word), ["ping 4"]);
});

test("AssignmentFeed: a ping says when it was sent, not when it was due", async () => {
  const { clock, reader } = opened();
  await frames(reader);
  await clock.advance(12_345);
  const [ping] = await frames(reader);
  assert.deepEqual(ping, { type: "ping", watchAgeSeconds: 1.2, sentAfterSeconds: 12.3 });
});

test("AssignmentFeed: large snapshots are sent in pieces", async () => {
  const node = new Node();
  for (let i = 0; i < 1000; i++) node.set(`pod-${i}`, "1");
  const { reader } = opened(node);
  const first = await frames(reader);
  assert.ok(first.length < 1000 && first.length > 50);
  let all = first;
  while (all.at(-1)?.type !== "ping") all = all.concat(await frames(reader));
  assert.equal(all.filter((one) => one.type === "assign").length, 1000);
});

test("AssignmentFeed: fails if the agent reads nothing for 30 s", async () => {
  const { clock, ends, node, reader } = opened();
  await frames(reader);
  const failed = assert.rejects(reader.closed, /reads nothing/);
  await clock.advance(29_000);
  assert.deepEqual(ends, []);
  await clock.advance(5_000);
  assert.deepEqual([ends, node.followers, clock.pending()], [["stuck"], 0, 0]);
  await failed;
});

test("AssignmentFeed: a reader that waits is not stuck", async () => {
  const { clock, ends, reader } = opened();
  for (let i = 0; i < 30; i++) {
    const next = frames(reader);
    await flushPromises();
    await clock.advance(5_000);
    assert.equal((await next).at(-1)?.type, "ping");
  }
  assert.deepEqual(ends, []);
});

test("AssignmentFeed: close() ends a waiting reader, once", async () => {
  const { clock, ends, feed, node, reader } = opened();
  await frames(reader);
  const last = reader.read();
  await flushPromises();
  feed.close("pod-gone");
  feed.close("shutdown");
  assert.equal((await last).done, true);
  assert.deepEqual([ends, node.followers, clock.pending()], [["pod-gone"], 0, 0]);
});

test("AssignmentFeed: a disconnecting client releases everything", async () => {
  const { clock, ends, node, reader } = opened();
  await frames(reader);
  await reader.cancel();
  assert.deepEqual([ends, node.followers, clock.pending()], [["client"], 0, 0]);
});

const uid = fc.constantFrom("a", "b", "c");
const step = fc.oneof(
  fc.tuple(uid, fc.option(fc.nat(9).map(String), { nil: undefined })),
  fc.constant("read" as const),
);

test("AssignmentFeed: whenever its reader reads, it ends up with the latest state", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const node = new Node();
      node.set("a", "0");
      const { clock, reader } = opened(node);
      const held = new Map<string, string>();
      const read = async () => {
        for (const frame of await frames(reader)) {
          if (frame.type === "assign") held.set(frame.pod.uid, frame.role!.name);
          if (frame.type === "revoke") held.delete(frame.uid);
        }
      };
      for (const one of steps) {
        if (one !== "read") node.set(...one);
        else await clock.advance(5_000).then(read);
      }
      await clock.advance(5_000).then(read);
      assert.deepEqual(new Map([...held].sort()), new Map([...node.pods].sort()));
      await reader.cancel();
    }),
    { numRuns: 60 },
  );
});

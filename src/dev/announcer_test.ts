import { test } from "node:test";
import assert from "node:assert/strict";
import { ManualClock } from "../../tests/fakes/manual_clock.ts";
import type { PodRow } from "./announcement.ts";
import { announce } from "./announcer.ts";

function row(name: string, state: PodRow["state"]): PodRow {
  const namespace = "shop";
  const roleArn = "arn:aws:iam::123456789012:role/cart";
  const rest = { hostNetwork: false, reason: null, message: null, roleArn, notAnswered: [] };
  return { namespace, name, ips: ["127.0.0.1"], state, ...rest };
}

function setUp(requested: readonly string[] = []) {
  const clock = new ManualClock();
  const stop = new AbortController();
  const output = { text: "" };
  const written = () => output.text;
  const cluster = { pods: [] as PodRow[], missing: [] as string[] };
  announce({
    clock,
    pods: () => cluster.pods,
    missing: () => cluster.missing,
    requested,
    head: (pods) => [`paste ${pods.length}`],
    foot: (pods) => [`edit ${pods.length}`],
    write: (text) => output.text += text,
  }, stop.signal);
  return { clock, stop, written, cluster };
}

test("announce() waits until pods are stable, then prints commands, pods and what to do next", async () => {
  const { clock, written, cluster } = setUp();
  cluster.pods = [row("cart", "pending")];
  await clock.advance(1000);
  assert.equal(written(), "");
  cluster.pods = [row("cart", "ready")];
  await clock.advance(200);
  assert.equal(
    written(),
    "paste 1\n\n  127.0.0.1  shop/cart  role arn:aws:iam::123456789012:role/cart\n\nedit 1\n",
  );
});

test("announce() prints after three seconds even if pods are still changing", async () => {
  const { clock, written } = setUp(["shop/cart"]);
  await clock.advance(2800);
  assert.equal(written(), "");
  await clock.advance(200);
  assert.equal(written(), "paste 0\n\n  -  shop/cart  doesn't exist (yet)\n\nedit 0\n");
});

test("announce() prints something even without pods", async () => {
  const { clock, written } = setUp();
  await clock.advance(10_000);
  assert.equal(written(), "paste 0\n\n\nedit 0\n");
});

test("announce() prints again when something has changed, and only then", async () => {
  const { clock, stop, written, cluster } = setUp();
  cluster.pods = [row("cart", "ready")];
  await clock.advance(10_000);
  const before = written().length;
  cluster.pods = [row("cart", "none")];
  await clock.advance(200);
  assert.equal(written().slice(before), "\nNow:\n  127.0.0.1  shop/cart  no role\n");
  stop.abort();
  assert.equal(clock.pending(), 0);
});

test("announce() prints why the server isn't ready if that persists, and the rest once it is", async () => {
  const { clock, written, cluster } = setUp();
  cluster.pods = [row("cart", "none")];
  cluster.missing = ["AWS credentials: none"];
  await clock.advance(2800);
  assert.equal(written(), "");
  await clock.advance(10_000);
  assert.equal(written(), "not ready: AWS credentials: none\n");
  cluster.missing = [];
  await clock.advance(200);
  assert.match(written(), /none\npaste 1\n\n {2}127\.0\.0\.1 .+\n\nedit 1\n$/);
  const before = written().length;
  cluster.missing = ["server: away"];
  await clock.advance(10_000);
  assert.equal(written().length, before);
});

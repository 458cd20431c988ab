import { test } from "node:test";
import assert from "node:assert/strict";
import { flushPromises, ManualClock } from "../../tests/fakes/manual_clock.ts";
import { Budget, type Priority, ReadScheduler } from "./read_scheduler.ts";
import { Moments, SharedRead } from "./shared_read.ts";

/** Reads that take `ms` each, all of it processor time or as much as is given. */
function setUp(ms: number, cpuMs?: () => number) {
  const clock = new ManualClock();
  const scheduler = new ReadScheduler(clock, cpuMs ?? (() => clock.monotonic()));
  const begun: string[] = [];
  const run = (name: string) => () => {
    begun.push(name);
    return new Promise<string>((resolve) => clock.after(ms, () => resolve(name)));
  };
  const schedule = (name: string, budget: Budget, priority: Priority = "owner") =>
    scheduler.schedule({ key: name, priority, budget, run: run(name) });
  const budget = (perSecond = 100, burst = 200) => new Budget({ perSecond, burst }, clock);
  return { clock, scheduler, begun, schedule, budget, run };
}

test("eight reads of owners at once, and two of sweeps beside them", async () => {
  const { clock, begun, schedule, budget } = setUp(5);
  const owners = Array.from({ length: 9 }, (_, at) => `o${at + 1}`);
  for (const name of ["s1", "s2", "s3"]) void schedule(name, budget(), "sweep");
  for (const name of owners) void schedule(name, budget());
  assert.deepEqual(begun, ["s1", "s2", ...owners.slice(0, 8)]);
  await clock.advance(5);
  assert.deepEqual(begun.slice(10), ["s3", "o9"]);
});

test("reads at the same time share the processor time", async () => {
  const { clock, scheduler, schedule, budget } = setUp(8);
  scheduler.limit();
  const budgets = [1, 2, 3, 4].map(() => budget(100, 3));
  for (const [at, own] of budgets.entries()) void schedule(`read ${at}`, own);
  await clock.advance(8);
  // 8 ms of processor time, 2 ms each
  assert.deepEqual(budgets.map((own) => own.readyInMs()), [0, 0, 0, 0]);
  const alone = budget(100, 3);
  void schedule("alone", alone);
  await clock.advance(8);
  assert.equal(alone.readyInMs(), 60);
});

test("a namespace that is read without a pause gets its share of a second", async () => {
  const { clock, scheduler, begun, schedule, budget } = setUp(5);
  scheduler.limit();
  const own = budget(100, 50);
  let stopped = false;
  const loop = async () => {
    for (let i = 0; !stopped; i++) await schedule(`read ${i}`, own);
  };
  const looping = loop();
  await clock.advance(10_000);
  stopped = true;
  await clock.advance(1000);
  await looping;
  // 100 ms a second and 50 saved up, at 5 ms each
  assert.ok(begun.length >= 200 && begun.length <= 235, `${begun.length}`);
});

test("a namespace without a budget delays no other", async () => {
  const { clock, begun, schedule, budget } = setUp(5);
  const spent = budget();
  spent.spend(1000);
  for (let i = 0; i < 500; i++) spent.spend(5);
  void schedule("spent", spent);
  void schedule("other", budget());
  assert.deepEqual(begun, ["other"]);
  await clock.advance(60_000);
  assert.deepEqual(begun, ["other", "spent"]);
});

test("on a busy node a read is charged its processor time, however long it takes", async () => {
  let cpuMs = 0;
  const { clock, scheduler, begun, schedule, budget } = setUp(500, () => cpuMs);
  scheduler.limit();
  const own = budget(100, 50);
  for (const name of ["first", "second", "third"]) {
    void schedule(name, own);
    cpuMs += 5;
    await clock.advance(500);
  }
  assert.equal(own.readyInMs(), 0);
  assert.deepEqual(begun, ["first", "second", "third"]);
});

test("what is read before the limits apply is charged to nobody", async () => {
  const { clock, scheduler, begun, schedule, budget } = setUp(100);
  const own = budget();
  for (let i = 0; i < 200; i++) void schedule(`before ${i}`, own);
  await clock.advance(10_000);
  assert.equal(begun.length, 200);
  scheduler.limit();
  void schedule("after", own);
  assert.equal(begun.at(-1), "after");
});

test("one read answers everyone who waited before it began, and nobody later", async () => {
  const { clock, scheduler, begun, run, budget } = setUp(5);
  const moments = new Moments();
  const shared = new SharedRead({ key: "t", scheduler, moments, read: run("read") });
  const own = budget();
  const first = shared.after(moments.next(), "owner", own);
  await flushPromises();
  assert.equal(begun.length, 1);
  const late = [1, 2, 3].map(() => shared.after(moments.next(), "owner", own));
  await clock.advance(5);
  await first;
  await clock.advance(5);
  await Promise.all(late);
  assert.equal(begun.length, 2);
  const moment = moments.next();
  void shared.after(moment, "owner", own);
  void shared.after(moment, "owner", own);
  await flushPromises();
  assert.equal(begun.length, 3);
});

test("a read that waits for a sweep goes first once its namespace is the expected one", async () => {
  const { clock, scheduler, begun, run, schedule, budget } = setUp(5);
  const moments = new Moments();
  for (const name of ["1", "2", "3", "4", "5", "6", "7", "8"]) void schedule(name, budget());
  for (const name of ["a", "b", "c"]) void schedule(name, budget(), "sweep");
  const shared = new SharedRead({ key: "t", scheduler, moments, read: run("shared") });
  void shared.after(moments.next(), "sweep", budget());
  await flushPromises();
  void shared.after(moments.next(), "owner", budget());
  await clock.advance(5);
  assert.deepEqual(begun.slice(10), ["shared", "c"]);
});

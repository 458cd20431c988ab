/**
 * Random histories of cluster, kubelet, watches, streams and clock, from truth on the node to what a
 * pod is answered: whoever asks gets its own credentials or none, and its own once all have caught up.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { CallerLookup } from "../../src/agent/ports.ts";
import { ManualClock } from "../fakes/manual_clock.ts";
import { fakeSandboxes } from "../fakes/sandboxes.ts";
import { NodeAgent } from "./model/node_agent.ts";
import { Replica } from "./model/replica.ts";
import { addressPairs, type Delays, nodeAddress, Truth } from "./model/truth.ts";

const numRuns = Number(globalThis.process?.env["TEST_MODEL_RUNS"] ?? 200);

class World {
  readonly clock = new ManualClock();
  readonly sandboxes = fakeSandboxes();
  readonly replicas: Replica[] = [];
  readonly truth: Truth;
  readonly agent: NodeAgent;

  readonly delays: Delays;

  constructor(delays: Delays, withRuntime: boolean) {
    this.delays = delays;
    this.truth = new Truth(this.clock, this.sandboxes, delays, (event) => {
      for (const replica of this.replicas) replica.notify(event);
    });
    this.agent = new NodeAgent(this.clock, withRuntime ? this.sandboxes : null);
    for (const i of [0, 1]) this.restart(i);
    this.agent.connect(this.replicas[0]!);
  }

  restart(nth: number): void {
    this.replicas[nth]?.die();
    this.replicas[nth] = new Replica(this.clock, this.truth.api.values());
  }

  /** The runtime answers, is away, or is slow: then it answers what it was asked before. */
  setMood(n: number): void {
    this.sandboxes.mood = (["answers", "answers", "away", "hangs"] as const)[n] ?? "answers";
    this.sandboxes.release();
  }

  /** Time passes as it does: streams are read while it goes by. */
  async pass(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= 1000) {
      await this.clock.advance(Math.min(left, 1000));
      await this.agent.readAll();
    }
  }

  async check(): Promise<void> {
    for (const ip of [...addressPairs.flat(), nodeAddress]) {
      const found = await this.agent.ask(ip);
      const owner = this.truth.ownerOf(ip);
      // Nobody can ask from an address that no pod has.
      if (owner) assertOwn(found, owner.uid, ip);
      else if (ip === nodeAddress) assert.notEqual(found.kind, "pod");
    }
  }

  /** Everything comes back and catches up. */
  async heal(): Promise<void> {
    this.truth.report(true);
    this.setMood(0);
    for (const replica of this.replicas) replica.resume(null);
    for (let i = 0; i < 2; i++) this.agent.disconnect();
    this.agent.connect(this.replicas[0]!);
    await this.pass(10_000);
  }
}

function assertOwn(found: CallerLookup, uid: string, ip: string): void {
  if (found.kind !== "pod") return;
  assert.equal(found.pod.uid, uid, `${ip} is ${uid}'s`);
  const { outcome } = found.pod;
  if (outcome.kind !== "ready") return;
  const { AccessKeyId } = JSON.parse(new TextDecoder().decode(outcome.role.document));
  assert.equal(AccessKeyId, `ASIA${uid}`);
}

type Step = readonly [name: string, run: (world: World) => void | Promise<void>];

const small = fc.nat({ max: 5 });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.tuple(small, fc.nat({ max: 9 })).map(creates) },
  { weight: 5, arbitrary: fc.tuple(small, small).map(starts) },
  { weight: 3, arbitrary: small.map(named("stop sandbox", (w, n) => w.truth.stopSandbox(n))) },
  { weight: 2, arbitrary: small.map(named("delete", (w, n) => w.truth.delete(n))) },
  small.map(named("delete by force", (w, n) => w.truth.deleteByForce(n))),
  { weight: 3, arbitrary: small.map(named("report", (w, n) => w.truth.report(n > 3))) },
  { weight: 3, arbitrary: small.map(named("see", (w, n) => w.replicas[n % 2]!.see(n))) },
  small.map(named("stall", (w, n) => w.replicas[n % 2]!.stall())),
  small.map(
    named("resume", (w, n) => w.replicas[n % 2]!.resume(n > 2 ? w.truth.api.values() : null)),
  ),
  {
    weight: 3,
    arbitrary: fc.tuple(small, fc.constantFrom(0, 1000, 4000, 9000), fc.boolean()).map(reuses),
  },
  small.map(named("runtime", (w, n) => w.setMood(n))),
  small.map(named("wall clock back", (w, n) => w.clock.setWall(w.clock.now() - n * 3_600_000))),
  small.map(named("stall both", (w) => w.replicas.forEach((replica) => replica.stall()))),
  small.map(named("restart", (w, n) => w.restart(n % 2))),
  {
    weight: 2,
    arbitrary: small.map(named("connect", (w, n) => w.agent.connect(w.replicas[n % 2]!))),
  },
  small.map(named("disconnect", (w) => w.agent.disconnect())),
  { weight: 3, arbitrary: small.map(named("read", (w, n) => w.agent.read(n))) },
  { weight: 3, arbitrary: fc.constantFrom(300, 3000, 12_000, 40_000).map(passes) },
  // Streams stand still while time passes: a stopped agent or a full pipe.
  fc.constantFrom(300, 3000, 12_000).map(passesUnread),
);

function named(name: string, run: (world: World, n: number) => void | Promise<void>) {
  return (n: number): Step => [`${name} ${n}`, (world) => run(world, n)];
}
/** The hardest for identity, and too rare by chance: an address given again as soon as it may be. */
function reuses([n, late, deleted]: readonly [number, number, boolean]): Step {
  const pair = n % addressPairs.length;
  return [`address ${pair} used again ${late} ms late`, async (world) => {
    world.truth.take(pair);
    await world.pass(1000);
    world.truth.vacate(pair, deleted);
    await world.pass(world.delays.restMs + late);
    world.truth.take(pair);
  }];
}
function creates([name, dice]: readonly [number, number]): Step {
  return [`create web-${name}`, (world) => world.truth.create(name % 3, dice === 0)];
}
function starts([nth, pair]: readonly [number, number]): Step {
  return [`start ${nth} at ${pair}`, (world) => world.truth.startSandbox(nth, pair)];
}
function passes(ms: number): Step {
  return [`${ms} ms pass`, (world) => world.pass(ms)];
}
function passesUnread(ms: number): Step {
  return [`${ms} ms pass unread`, (world) => world.clock.advance(ms)];
}

const histories = fc.array(step, { minLength: 5, maxLength: 50, size: "max" });

// Without the runtime's word nothing but rest keeps an address from being answered for its last pod:
// what kubelet (3 s) and watch (2 s) take, and the 30 s for which the agent goes by an old word.
const worlds = [
  ["with the runtime's word", { restMs: 200, kubeletMs: null }, true],
  ["without it, addresses resting 35 s", { restMs: 35_000, kubeletMs: 3000 }, false],
] as const;

for (const [name, delays, withRuntime] of worlds) {
  test(`${name}, never another pod's credentials; once healed, each its own`, async () => {
    await fc.assert(
      fc.asyncProperty(histories, async (steps) => {
        const world = new World(delays, withRuntime);
        await world.agent.readAll();
        for (const [, run] of steps) {
          await run(world);
          await world.check();
        }
        await world.heal();
        for (const ip of addressPairs.flat()) {
          const owner = world.truth.ownerOf(ip);
          const known = owner && world.truth.api.get(owner.uid);
          const found = await world.agent.ask(ip);
          if (known) assert.equal(found.kind, "pod", `${ip} of ${owner.uid}`);
          else assert.notEqual(found.kind, "pod");
        }
      }),
      { numRuns },
    );
  });
}

import { test } from "node:test";
import assert from "node:assert/strict";
import { ManualClock } from "../../../tests/fakes/manual_clock.ts";
import { RecordedLog } from "../../../tests/fakes/recorded_log.ts";
import { aborted } from "../../time/pause.ts";
import { RedirectFault } from "./redirect_fault.ts";
import { RedirectReconciler } from "./redirect_reconciler.ts";

/** `polls`: the kernel doesn't report changes. */
function setUp({ polls = false } = {}) {
  const clock = new ManualClock();
  const log = new RecordedLog();
  const state = {
    rules: false,
    problem: null as string | null,
    guarded: false,
    guardProblem: null as string | null,
    roundMs: 0,
    cuts: 0,
    cleared: 0,
    chosen: 0,
    rounds: 0,
    polls: 0,
    pollMs: 1,
    change: () => {},
  };
  const fault = () => new RedirectFault("no_permission", state.problem ?? "");
  const reconciler = new RedirectReconciler({
    clock,
    log,
    guard: {
      ensure: async () => {
        state.rounds += 1;
        await new Promise<void>((resolve) => {
          if (state.roundMs === 0) resolve();
          else clock.after(state.roundMs, resolve);
        });
        if (state.guardProblem !== null) throw new RedirectFault("failed", state.guardProblem);
        const changed = !state.guarded;
        state.guarded = true;
        return changed;
      },
    },
    choose: () => {
      state.chosen += 1;
      return Promise.resolve({
        kind: "iptables-nft",
        ensure: () => {
          if (state.problem !== null) return Promise.reject(fault());
          const changed = !state.rules;
          state.rules = true;
          return Promise.resolve(changed);
        },
        ...polls && {
          isMissing: async () => {
            state.polls += 1;
            await new Promise<void>((resolve) => void clock.after(state.pollMs, resolve));
            return !state.rules;
          },
        },
      });
    },
    cutFlows: () => {
      state.cuts += 1;
      return Promise.reject(new RedirectFault("no_program", "conntrack: no such program"));
    },
    watch: (changed, signal) => {
      state.change = changed;
      return aborted(signal);
    },
    removeOthers: () => {
      state.cleared += 1;
      return Promise.resolve({ removed: ["nftables"], problems: [] });
    },
  });
  return { clock, log, state, reconciler };
}

test("the first round puts the rules in place, cuts flows and clears other kinds", async () => {
  const { reconciler, state, log } = setUp();
  assert.deepEqual(reconciler.status(), {
    kind: "unknown",
    inPlace: false,
    repairs: 0,
    lastError: null,
    guard: { inPlace: false, repairs: 0, lastError: null },
  });
  await reconciler.check();
  assert.deepEqual(reconciler.status(), {
    kind: "iptables-nft",
    inPlace: true,
    repairs: 0,
    lastError: null,
    guard: { inPlace: true, repairs: 0, lastError: null },
  });
  assert.deepEqual([state.cuts, state.cleared], [1, 1]);
  assert.equal(log.count("redirect of another kind removed"), 1);
});

test("rules that went missing are back within 2 s, counted and logged", async () => {
  const { clock, reconciler, state, log } = setUp();
  const stop = new AbortController();
  await reconciler.check();
  const running = reconciler.run(stop.signal);
  await clock.advance(20_000);
  assert.equal(reconciler.status().repairs, 0);
  state.rules = false;
  await clock.advance(2000);
  assert.equal(state.rules, true);
  assert.equal(reconciler.status().repairs, 1);
  assert.equal(log.count("redirect repaired"), 1);
  assert.equal(state.cleared, 1);
  stop.abort();
  await running;
  assert.equal(clock.pending(), 0);
});

test("a fault is shown, logged once, retried, and cleared once it works", async () => {
  const { clock, reconciler, state, log } = setUp();
  const stop = new AbortController();
  state.problem = "needs the capability NET_ADMIN";
  await reconciler.check();
  const running = reconciler.run(stop.signal);
  await clock.advance(20_000);
  assert.equal(reconciler.status().lastError, state.problem);
  assert.equal(reconciler.status().inPlace, false);
  assert.equal(log.count("redirect not in place"), 1);
  assert.equal(state.chosen, 11);
  state.problem = null;
  await clock.advance(5000);
  assert.deepEqual(reconciler.status().lastError, null);
  assert.equal(reconciler.status().inPlace, true);
  stop.abort();
  await running;
});

test("the guard is restored on its own, counted and logged", async () => {
  const { clock, reconciler, state, log } = setUp();
  const stop = new AbortController();
  await reconciler.check();
  const running = reconciler.run(stop.signal);
  state.guarded = false;
  await clock.advance(2000);
  assert.equal(state.guarded, true);
  assert.deepEqual(reconciler.status().guard, { inPlace: true, repairs: 1, lastError: null });
  assert.equal(log.count("routing rules repaired"), 1);
  assert.equal(reconciler.status().repairs, 0);
  stop.abort();
  await running;
});

test("without a guard the redirect is in place, and one line says what that means", async () => {
  const { clock, reconciler, state, log } = setUp();
  const stop = new AbortController();
  state.guardProblem = "ip: no such program";
  await reconciler.check();
  const running = reconciler.run(stop.signal);
  await clock.advance(20_000);
  const { inPlace, lastError, guard } = reconciler.status();
  assert.deepEqual({ inPlace, lastError }, { inPlace: true, lastError: null });
  assert.deepEqual(guard, { inPlace: false, repairs: 0, lastError: state.guardProblem });
  const warnings = log.lines.filter(({ message }) => message.startsWith("no routing rules"));
  assert.deepEqual(warnings.map(({ level, fields }) => ({ level, fields })), [
    { level: "warn", fields: { problem: state.guardProblem } },
  ]);
  state.guardProblem = null;
  await clock.advance(2000);
  assert.deepEqual(reconciler.status().guard, { inPlace: true, repairs: 0, lastError: null });
  stop.abort();
  await running;
});

test("after a long round the next one waits longer, 5 s at most", async () => {
  const { clock, reconciler, state, log } = setUp();
  const stop = new AbortController();
  await reconciler.check();
  state.roundMs = 1000;
  const running = reconciler.run(stop.signal);
  await clock.advance(3000);
  state.rules = false;
  await clock.advance(5999);
  assert.equal(log.count("redirect repaired"), 0);
  await clock.advance(1);
  assert.equal(log.count("redirect repaired"), 1);
  stop.abort();
  await running;
});

test("a change that the kernel reports is repaired within 200 ms", async () => {
  const { clock, reconciler, state } = setUp();
  const stop = new AbortController();
  await reconciler.check();
  state.roundMs = 20;
  const running = reconciler.run(stop.signal);
  await clock.advance(2500);
  state.rules = false;
  state.change();
  await clock.advance(150);
  assert.deepEqual([state.rules, reconciler.status().repairs], [true, 1]);
  stop.abort();
  await clock.advance(150);
  await running;
  assert.equal(clock.pending(), 0);
});

test("a change right after a long round is repaired within 200 ms too, the next one after a gap", async () => {
  const { clock, reconciler, state } = setUp();
  const stop = new AbortController();
  await reconciler.check();
  state.roundMs = 100;
  const running = reconciler.run(stop.signal);
  await clock.advance(2000 + state.roundMs);
  for (const withinMs of [50 + state.roundMs, 4 * state.roundMs + state.roundMs]) {
    const { repairs } = reconciler.status();
    state.rules = false;
    state.change();
    await clock.advance(withinMs - 1);
    assert.equal(reconciler.status().repairs, repairs);
    await clock.advance(1);
    assert.equal(reconciler.status().repairs, repairs + 1);
  }
  stop.abort();
  await clock.advance(200);
  await running;
});

test("continuous changes cost one round of 20 ms every 100 ms", async () => {
  const { clock, reconciler, state } = setUp();
  const stop = new AbortController();
  await reconciler.check();
  state.roundMs = 20;
  const running = reconciler.run(stop.signal);
  const before = state.rounds;
  for (let ms = 0; ms < 10_000; ms += 10) {
    state.change();
    await clock.advance(10);
  }
  assert.ok(state.rounds - before <= 101, `${state.rounds - before} rounds`);
  stop.abort();
  await clock.advance(200);
  await running;
});

test("where the kernel reports nothing, a poll finds the redirect missing within 200 ms", async () => {
  const { clock, reconciler, state } = setUp({ polls: true });
  const stop = new AbortController();
  await reconciler.check();
  const running = reconciler.run(stop.signal);
  for (let flush = 1; flush <= 20; flush++) {
    await clock.advance(333);
    state.rules = false;
    await clock.advance(200);
    assert.deepEqual([state.rules, reconciler.status().repairs], [true, flush]);
  }
  stop.abort();
  await clock.advance(1);
  await running;
  assert.equal(clock.pending(), 0);
});

test("polls take a twentieth of the time; a redirect that stays away costs no further rounds", async () => {
  const { clock, reconciler, state } = setUp({ polls: true });
  const stop = new AbortController();
  await reconciler.check();
  state.pollMs = 20;
  const running = reconciler.run(stop.signal);
  await clock.advance(10_000);
  assert.equal(state.polls, 24);
  state.problem = "iptables-legacy: the lock is held";
  state.rules = false;
  const before = state.rounds;
  await clock.advance(10_000);
  assert.ok(state.rounds - before <= 6, `${state.rounds - before} rounds`);
  stop.abort();
  await clock.advance(20);
  await running;
});

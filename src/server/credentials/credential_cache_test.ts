import { describe, test } from "node:test";
import assert from "node:assert/strict";
import { ManualClock } from "../../../tests/fakes/manual_clock.ts";
import { identityOf, ScriptedFault, ScriptedSts } from "../../../tests/fakes/scripted_sts.ts";
import { identityKey } from "../../policy/role_identity.ts";
import { CredentialCache } from "./credential_cache.ts";
import { StsPace } from "./sts_pace.ts";
import type { CallReport, FaultReport, IssuedReport } from "./credential_reports.ts";

const second = 1000;
const minute = 60 * second;
const denied = "ask the role's owner";

/** A cache on a scripted STS; `hold` names holder, identity and namespace. */
function bench({ random = (): number => 0.5, rate = 20, burst = 20, concurrency = 8 } = {}) {
  const clock = new ManualClock();
  const sts = new ScriptedSts(clock);
  const received = {
    changes: [] as string[],
    issued: [] as IssuedReport[],
    faults: [] as FaultReport[],
    calls: [] as CallReport[],
  };
  const cache = new CredentialCache({
    assumeRole: sts.assumeRole,
    clock,
    random,
    rate,
    burst,
    concurrency,
    hooks: {
      onIssued: (report) => received.issued.push(report),
      onFault: (report) => received.faults.push(report),
      onCall: (report) => received.calls.push(report),
    },
  });
  cache.subscribe((key) => received.changes.push(key));
  const hold = (holder: string, name = "reader", namespace = "shop") =>
    cache.hold(name, identityOf(name), holder, namespace);
  const accessKey = (name = "reader") => {
    const state = cache.state(name);
    return state.kind === "ready" ? state.credentials.accessKeyId : state.kind;
  };
  return { cache, clock, sts, received, hold, accessKey, start: clock.now() };
}

describe("CredentialCache: holding and releasing", () => {
  test("an identity is pending, then ready, and listeners are called once", async () => {
    const { clock, sts, received, hold, accessKey } = bench();
    hold("pod-1");
    assert.equal(accessKey(), "pending");
    assert.deepEqual(received.changes, []);
    await clock.advance(0);
    assert.equal(accessKey(), "ASIA-reader-0");
    assert.deepEqual(received.changes, ["reader"]);
    assert.equal(sts.calls.length, 1);
  });

  test("the report of issued credentials joins CloudTrail with pods and contains no secret", async () => {
    const { clock, received, hold, start } = bench();
    hold("pod-1");
    hold("pod-2");
    await clock.advance(0);
    assert.deepEqual(received.issued, [{
      key: "reader",
      arn: "arn:aws:iam::111122223333:role/reader",
      sessionName: "reader",
      holders: ["pod-1", "pod-2"],
      accessKeyId: "ASIA-reader-0",
      expiresAt: start + 60 * minute,
      renewal: false,
    }]);
  });

  test("any number of holders share one call, and the first's release doesn't disturb it", async () => {
    const { cache, clock, sts, hold, accessKey } = bench();
    sts.latencyMs = 100;
    for (let pod = 0; pod < 100; pod++) hold(`pod-${pod}`);
    await clock.advance(50);
    cache.release("reader", "pod-0");
    hold("another");
    await clock.advance(50);
    assert.equal(accessKey(), "ASIA-reader-0");
    assert.equal(sts.calls.length, 1);
  });

  test("the last release aborts the call in flight and drops its result", async () => {
    const { cache, clock, sts, received, hold, accessKey } = bench();
    sts.latencyMs = 100;
    hold("pod-1");
    await clock.advance(50);
    cache.release("reader", "pod-1");
    assert.equal(sts.calls[0]?.signal.aborted, true);
    await clock.advance(60 * minute);
    assert.equal(accessKey(), "pending");
    assert.equal(cache.inspect("reader"), undefined);
    assert.deepEqual([received.changes, received.issued, clock.pending()], [[], [], 0]);
  });

  test("a result from before the release isn't used after it", async () => {
    const { cache, clock, sts, hold, accessKey } = bench();
    sts.latencyMs = 100;
    hold("pod-1");
    await clock.advance(50);
    cache.release("reader", "pod-1");
    hold("pod-2");
    await clock.advance(60);
    assert.equal(accessKey(), "pending");
    await clock.advance(50);
    assert.equal(accessKey(), "ASIA-reader-1");
  });

  test("a queued call that no pod needs any more is never made", async () => {
    const { cache, clock, sts, hold } = bench();
    hold("pod-1");
    cache.release("reader", "pod-1");
    await clock.advance(minute);
    assert.equal(sts.calls.length, 0);
  });

  test("releasing an identity that isn't held, or inspecting an unknown one, changes nothing", async () => {
    const { cache, clock, sts, hold, accessKey } = bench();
    hold("pod-1");
    await clock.advance(0);
    cache.release("reader", "stranger");
    cache.release("unknown", "pod-1");
    cache.retry("unknown");
    assert.equal(accessKey("unknown"), "pending");
    assert.equal(accessKey(), "ASIA-reader-0");
    assert.equal(sts.calls.length, 1);
  });

  test("close() leaves nothing running", async () => {
    const { cache, clock, sts, hold } = bench();
    sts.latencyMs = 100;
    hold("pod-1");
    hold("pod-2", "writer");
    await clock.advance(50);
    cache.close();
    assert.ok(sts.calls.every(({ signal }) => signal.aborted));
    await clock.advance(minute);
    assert.equal(clock.pending(), 0);
  });
});

describe("CredentialCache: renewal", () => {
  test("it starts in the background while the old ones are served", async () => {
    const { clock, sts, received, hold, accessKey, start } = bench({ random: () => 0 });
    hold("pod-1");
    await clock.advance(0);
    sts.latencyMs = 20 * second;
    await clock.advance(18 * minute);
    assert.deepEqual(sts.secondsSince(start), [0, 18 * 60]);
    assert.equal(accessKey(), "ASIA-reader-0");
    await clock.advance(20 * second);
    assert.equal(accessKey(), "ASIA-reader-1");
    assert.deepEqual(received.changes, ["reader", "reader"]);
    assert.deepEqual(received.issued.map(({ renewal }) => renewal), [false, true]);
  });

  test("over a day, what is served always has half of its life left", async () => {
    const { cache, clock, hold } = bench({ random: Math.random });
    hold("pod-1");
    await clock.advance(0);
    for (let at = 0; at < 24 * 60; at++) {
      await clock.advance(minute);
      const state = cache.state("reader");
      assert.equal(state.kind, "ready");
      if (state.kind !== "ready") continue;
      assert.ok(state.credentials.expiresAt - clock.now() >= 30 * minute);
    }
  });

  test("STS unreachable: the old credentials are served until they expire, then none, and new ones soon after STS returns", async () => {
    const { clock, sts, received, hold, accessKey } = bench();
    hold("pod-1");
    await clock.advance(0);
    sts.answer = () => new ScriptedFault("unreachable");
    await clock.advance(60 * minute - 1);
    assert.equal(accessKey(), "ASIA-reader-0");
    await clock.advance(1);
    assert.equal(accessKey(), "pending");
    assert.deepEqual(received.changes, ["reader", "reader"]);
    sts.answer = () => undefined;
    await clock.advance(30 * second);
    assert.match(accessKey(), /^ASIA-reader-/);
    assert.deepEqual(received.changes.length, 3);
  });

  test("after a refused renewal the old credentials are served until they expire; only then is the reason reported", async () => {
    const { cache, clock, sts, received, hold, accessKey } = bench();
    hold("pod-1");
    await clock.advance(0);
    sts.answer = () => new ScriptedFault("access_denied", denied);
    await clock.advance(60 * minute - 1);
    assert.equal(accessKey(), "ASIA-reader-0");
    assert.equal(cache.inspect("reader")?.lastFault?.code, "access_denied");
    await clock.advance(1);
    const failed = { kind: "failed", reason: "CredentialsFailed", message: denied };
    assert.deepEqual(cache.state("reader"), failed);
    assert.equal(received.changes.length, 2);
  });

  test("a machine that slept doesn't serve credentials that expired meanwhile, and renews when it wakes", async () => {
    const timers = new ManualClock();
    const sts = new ScriptedSts(timers);
    let slept = 0;
    const clock = {
      now: () => timers.now() + slept,
      monotonic: () => timers.monotonic(),
      after: (ms: number, run: () => void) => timers.after(ms, run),
    };
    const changes: string[] = [];
    const cache = new CredentialCache({
      assumeRole: sts.assumeRole,
      clock,
      random: () => 0.5,
      rate: 20,
      burst: 20,
      concurrency: 8,
      hooks: {},
    });
    cache.subscribe((key) => changes.push(key));
    cache.hold("reader", identityOf("reader"), "pod-1", "shop");
    await timers.advance(minute);
    assert.equal(cache.state("reader").kind, "ready");
    slept = 3 * 60 * minute;
    sts.answer = () => ({ expiresAt: clock.now() + 60 * minute });
    assert.equal(cache.state("reader").kind, "pending");
    await timers.advance(10 * second);
    assert.equal(cache.state("reader").kind, "ready");
    assert.deepEqual(changes, ["reader", "reader", "reader"]);
  });

  test("a clock set back by hours delays neither renewal nor expiry", async () => {
    const { cache, clock, sts, hold } = bench();
    hold("pod-1");
    await clock.advance(minute);
    const calls = sts.calls.length;
    clock.setWall(clock.now() - 5 * 60 * minute);
    await clock.advance(30 * minute);
    assert.equal(sts.calls.length, calls + 1);
    sts.answer = () => new ScriptedFault("unreachable", "away");
    await clock.advance(61 * minute);
    assert.equal(cache.state("reader").kind, "pending");
  });

  test("a clock that was hours ahead is corrected: renewed, served, no fault", async () => {
    const { cache, clock, sts, hold } = bench();
    hold("pod-1");
    await clock.advance(minute);
    clock.setWall(clock.now() + 5 * 60 * minute);
    await clock.advance(10 * second);
    clock.setWall(clock.now() - 5 * 60 * minute);
    sts.answer = () => ({ expiresAt: clock.now() + 60 * minute });
    await clock.advance(60 * minute);
    assert.equal(cache.state("reader").kind, "ready");
    assert.equal(cache.inspect("reader")?.lastFault, null);
  });
});

describe("CredentialCache: faults", () => {
  test("a denial is reported at once and retried after 30 s, doubling to 5 min", async () => {
    const { cache, clock, sts, received, hold, start } = bench();
    sts.answer = () => new ScriptedFault("access_denied", denied);
    hold("pod-1");
    await clock.advance(0);
    const failed = { kind: "failed", reason: "CredentialsFailed", message: denied };
    assert.deepEqual(cache.state("reader"), failed);
    await clock.advance(20 * minute);
    assert.deepEqual(sts.secondsSince(start), [0, 30, 90, 210, 450, 750, 1050]);
    assert.deepEqual(received.changes, ["reader"]);
    assert.deepEqual(received.faults.map(({ attempts }) => attempts), [1, 2, 3, 4, 5, 6, 7]);
  });

  test("further holders of a refused identity cause no calls", async () => {
    const { clock, sts, hold } = bench();
    sts.answer = () => new ScriptedFault("rejected");
    hold("pod-1");
    await clock.advance(0);
    for (let pod = 2; pod < 100; pod++) hold(`pod-${pod}`);
    await clock.advance(29 * second);
    assert.equal(sts.calls.length, 1);
  });

  test("retry() calls at once, at most once per second, and resets the backoff", async () => {
    const { cache, clock, sts, hold, accessKey, start } = bench();
    sts.answer = () => new ScriptedFault("access_denied", denied);
    hold("pod-1");
    await clock.advance(40 * second);
    cache.retry("reader");
    await clock.advance(0);
    for (let again = 0; again < 10; again++) cache.retry("reader");
    assert.equal(accessKey(), "failed");
    await clock.advance(50 * second);
    assert.deepEqual(sts.secondsSince(start), [0, 30, 40, 41, 71]);
    sts.answer = () => undefined;
    cache.retry("reader");
    await clock.advance(0);
    assert.match(accessKey(), /^ASIA/);
  });

  test("retry() of a healthy identity, or of one in flight, makes no call", async () => {
    const { cache, clock, sts, hold } = bench();
    sts.latencyMs = 100;
    hold("pod-1");
    await clock.advance(50);
    cache.retry("reader");
    await clock.advance(50);
    cache.retry("reader");
    await clock.advance(10 * minute);
    assert.equal(sts.calls.length, 1);
  });

  test("throttled: pending with the cause, retried with growing waits up to 30 s", async () => {
    const { cache, clock, sts, received, hold, start } = bench({ random: () => 0.999 });
    sts.answer = () => new ScriptedFault("throttled", "too fast");
    hold("pod-1");
    await clock.advance(0);
    assert.deepEqual(cache.inspect("reader"), {
      key: "reader",
      arn: "arn:aws:iam::111122223333:role/reader",
      sessionName: "reader",
      assumedBy: null,
      namespace: "shop",
      holders: 1,
      state: "pending",
      phase: "idle",
      attempts: 1,
      lastFault: { code: "throttled", message: "too fast", at: start },
      nextAttemptAt: start + 249.75,
      issuedAt: null,
      expiresAt: null,
    });
    await clock.advance(3 * minute);
    const times = sts.secondsSince(start);
    const gaps = times.slice(1).map((at, index) => Math.round(at - (times[index] ?? 0)));
    assert.deepEqual(gaps.slice(2), [1, 2, 4, 8, 16, 30, 30, 30, 30]);
    assert.deepEqual(received.changes, ["reader"], "once, after 2 s");
    assert.deepEqual(cache.state("reader"), { kind: "pending", problem: "too fast" });
    sts.answer = () => undefined;
    await clock.advance(minute);
    assert.deepEqual([cache.state("reader").kind, received.changes.length], ["ready", 2]);
  });

  test("faults that pass within 2 s are not reported", async () => {
    const { cache, clock, sts, received, hold } = bench();
    sts.answer = () => new ScriptedFault("unreachable");
    hold("pod-1");
    await clock.advance(900);
    sts.answer = () => undefined;
    await clock.advance(2000);
    assert.deepEqual([cache.state("reader").kind, received.changes], ["ready", ["reader"]]);
  });

  test("a retryable fault doesn't clear a refusal", async () => {
    const { cache, clock, sts, hold, accessKey } = bench();
    sts.answer = () => new ScriptedFault("access_denied", denied);
    hold("pod-1");
    await clock.advance(0);
    sts.answer = () => new ScriptedFault("throttled");
    await clock.advance(31 * second);
    assert.equal(cache.inspect("reader")?.lastFault?.code, "throttled");
    assert.equal(accessKey(), "failed");
  });

  test("credentials issued after a refusal clear it", async () => {
    const { clock, sts, hold, accessKey } = bench();
    sts.answer = () => new ScriptedFault("access_denied", denied);
    hold("pod-1");
    await clock.advance(0);
    sts.answer = () => undefined;
    await clock.advance(30 * second);
    assert.match(accessKey(), /^ASIA/);
    sts.answer = () => new ScriptedFault("unreachable");
    await clock.advance(2 * 60 * minute);
    assert.equal(accessKey(), "pending");
  });

  test("credentials that have expired on arrival are a fault that names the clock", async () => {
    const { cache, clock, sts, hold, accessKey, start } = bench();
    sts.answer = () => ({ expiresAt: start - minute });
    hold("pod-1");
    await clock.advance(0);
    assert.equal(accessKey(), "pending");
    assert.match(cache.inspect("reader")?.lastFault?.message ?? "", /server's clock/);
  });

  test("an error of an unknown kind is retried, and its text isn't disclosed", async () => {
    const { cache, clock, sts, hold } = bench();
    const unknown = new Error("token=hunter2") as ScriptedFault;
    sts.answer = () => unknown;
    hold("pod-1");
    await clock.advance(0);
    const inspection = cache.inspect("reader");
    assert.equal(inspection?.state, "pending");
    assert.doesNotMatch(JSON.stringify(inspection), /hunter2/);
  });
});

describe("CredentialCache: many", () => {
  test("sessions of an hour: 2.7 calls a role and hour", async () => {
    let drawn = 0;
    // Evenly spread over 0 to 1, whatever the number of draws.
    const { clock, sts, hold } = bench({ random: () => (drawn++ * 0.618) % 1 });
    for (let role = 0; role < 100; role++) hold("pod", `role-${role}`);
    await clock.advance(60 * minute);
    const before = sts.calls.length;
    await clock.advance(10 * 60 * minute);
    const perHour = (sts.calls.length - before) / 100 / 10;
    assert.equal(perHour.toFixed(1), "2.7");
  });

  test("1,000 renewals due in one minute keep to the rate, and no pod is without credentials", async () => {
    const { cache, clock, sts, hold } = bench({ rate: 5, burst: 1 });
    sts.latencyMs = 50;
    for (let role = 0; role < 1000; role++) hold(`pod-${role}`, `role-${role}`, `ns-${role % 7}`);
    await clock.advance(1000 / 5 * second + second);
    assert.equal(cache.stats().ready, 1000);
    for (let hour = 0; hour < 12; hour++) {
      await clock.advance(10 * minute);
      assert.equal(cache.stats().ready, 1000);
    }
    const times = sts.calls.map(({ at }) => at);
    assert.ok(times.every((at, index) => (times[index + 6] ?? Infinity) - at >= second));
    assert.ok(sts.calls.length >= 4000);
  });

  test("with one call at a time: shortest remaining lifetime first, then new pods, then other renewals", async () => {
    const { clock, sts, hold } = bench({ concurrency: 1 });
    sts.answer = ({ at }) => at - start > minute ? new ScriptedFault("throttled") : undefined;
    const start = clock.now();
    hold("pod-1", "dying");
    await clock.advance(24 * minute);
    sts.answer = ({ name }) => name === "dying" ? new ScriptedFault("throttled") : undefined;
    hold("pod-2", "fresh");
    await clock.advance(22 * minute + 20 * second);
    sts.answer = () => undefined;
    sts.calls.length = 0;
    sts.latencyMs = minute;
    hold("pod-3", "blocker");
    await clock.advance(30 * second);
    sts.latencyMs = 0;
    hold("pod-4", "new");
    await clock.advance(minute);
    assert.deepEqual(sts.calls.map(({ name }) => name), ["blocker", "dying", "new", "fresh"]);
  });

  test("a namespace with a thousand pods doesn't delay one with a single pod", async () => {
    const { clock, hold, accessKey } = bench({ rate: 10 });
    for (let role = 0; role < 1000; role++) hold(`pod-${role}`, `crowd-${role}`, "crowd");
    hold("lone", "lone", "quiet");
    await clock.advance(second);
    assert.match(accessKey("lone"), /^ASIA/);
  });

  test("refused identities don't delay those that can get credentials", async () => {
    const { clock, sts, hold, accessKey } = bench({ rate: 2 });
    sts.answer = ({ name }) => name.startsWith("bad") ? new ScriptedFault("rejected") : undefined;
    for (let role = 0; role < 300; role++) hold(`pod-${role}`, `bad-${role}`);
    await clock.advance(200 * second);
    hold("good", "good");
    await clock.advance(second);
    assert.match(accessKey("good"), /^ASIA/);
  });

  test("after a full restart, 1,000 pods of 50 roles have their credentials within 0.9 s", async () => {
    const { cache, clock, sts, hold } = bench({ rate: 100, burst: 200, concurrency: 16 });
    sts.latencyMs = 100;
    for (let pod = 0; pod < 1000; pod++) hold(`pod-${pod}`, `role-${pod % 50}`);
    await clock.advance(900);
    assert.deepEqual([cache.stats().ready, sts.calls.length], [50, 50]);
  });

  test("an STS that throttles at 20 per second: the rate adapts, and recovers by itself", async () => {
    const { cache, clock, sts, hold, start } = bench({ rate: 100, burst: 200, concurrency: 16 });
    const quota = new StsPace({ perSecond: 20, burst: 20 });
    sts.latencyMs = 100;
    sts.answer = () => quota.take(clock.now()) ? undefined : new ScriptedFault("throttled");
    for (let role = 0; role < 1000; role++) hold(`pod-${role}`, `role-${role}`);
    const readyAt: number[] = [];
    for (let at = 1; at <= 120 && cache.stats().ready < 1000; at++) {
      await clock.advance(second);
      readyAt.push(cache.stats().ready);
    }
    // No rate is faster than STS's: 1,000 sessions take it 49 s.
    assert.ok(readyAt.length <= 80, `ready after ${readyAt.length} s`);
    const throttled = sts.calls.length - 1000;
    assert.ok(throttled < 250, `${throttled} calls throttled`);
    assert.ok(cache.stats().queue.ratePerSecond < 50);
    await clock.advance(70 * second);
    assert.equal(cache.stats().queue.ratePerSecond, 100);
    assert.ok(sts.calls.every(({ at }) => at >= start));
  });

  test("20,000 identities need one timer, and stats() counts them", async () => {
    const { cache, clock, sts, hold, start } = bench({ rate: 1000, concurrency: 1000 });
    for (let role = 0; role < 20_000; role++) hold(`pod-${role}`, `role-${role}`);
    assert.equal(cache.stats().queue.waiting.scheduled, 20_000);
    assert.equal(clock.pending(), 1);
    await clock.advance(20 * second);
    assert.equal(sts.calls.length, 20_000);
    assert.equal(clock.pending(), 1);
    assert.deepEqual(cache.stats(), {
      pending: 0,
      ready: 20_000,
      failed: 0,
      oldestMs: 20 * second,
      shortestLeftMs: start + 60 * minute - clock.now(),
      queue: {
        waiting: { urgent: 0, scheduled: 0, ahead: 0 },
        inFlight: 0,
        ratePerSecond: 1000,
        longestWaitMs: 0,
      },
    });
  });
});

describe("CredentialCache: trust roles", () => {
  const trustRole = identityOf("trust");
  const trustKey = identityKey(trustRole);
  /** A bench whose `hold` needs the trust role first. */
  function trusting(options = {}) {
    const made = bench(options);
    const hold = (holder: string, name = "reader") =>
      made.cache.hold(name, { ...identityOf(name), assumedBy: trustRole }, holder, "shop");
    return { ...made, hold };
  }

  test("it is assumed first, once for all, and its credentials sign the others' calls", async () => {
    const { clock, sts, hold, accessKey } = trusting();
    hold("pod-1", "reader");
    hold("pod-2", "writer");
    hold("pod-3", "writer");
    await clock.advance(0);
    assert.deepEqual(
      sts.calls.map(({ name, assumedBy }) => [name, assumedBy?.accessKeyId]),
      [["trust", undefined], ["reader", "ASIA-trust-0"], ["writer", "ASIA-trust-0"]],
    );
    assert.equal(accessKey("writer"), "ASIA-writer-2");
  });

  test("it is dropped with the last identity that needs it", async () => {
    const { cache, clock, hold } = trusting();
    hold("pod-1", "reader");
    hold("pod-2", "writer");
    await clock.advance(0);
    assert.equal(cache.inspect(trustKey)?.holders, 2, "the pods behind it");
    cache.release("reader", "pod-1");
    assert.equal(cache.inspect(trustKey)?.holders, 1);
    cache.release("writer", "pod-2");
    assert.equal(cache.entries().length, 0);
  });

  test("if it is refused, they are refused too, without calls of their own, until it is accepted", async () => {
    const { cache, clock, sts, received, hold, accessKey } = trusting();
    sts.answer = ({ name }) =>
      name === "trust" ? new ScriptedFault("access_denied", denied) : undefined;
    hold("pod-1", "reader");
    await clock.advance(0);
    hold("pod-2", "writer");
    const state = cache.state("writer");
    assert.equal(
      state.kind === "failed" && state.message,
      `the namespace's iam.amazonaws.com/assume-role: ${denied}`,
    );
    assert.deepEqual([accessKey("reader"), sts.calls.length], ["failed", 1]);
    assert.deepEqual(received.faults.map(({ arn }) => arn.split("/")[1]), ["trust"], "logged once");
    sts.answer = () => undefined;
    await clock.advance(30 * second);
    assert.deepEqual(sts.calls.map(({ name }) => name), ["trust", "trust", "reader", "writer"]);
    assert.deepEqual([accessKey("reader"), accessKey("writer")], [
      "ASIA-reader-2",
      "ASIA-writer-3",
    ]);
  });

  test("a change of pod or namespace tries it again at once", async () => {
    const { cache, clock, sts, hold, accessKey } = trusting();
    sts.answer = () => new ScriptedFault("access_denied", denied);
    hold("pod-1");
    await clock.advance(5 * second);
    sts.answer = () => undefined;
    cache.retry("reader");
    await clock.advance(0);
    assert.equal(accessKey(), "ASIA-reader-2");
  });

  test("a passing fault keeps them pending", async () => {
    const { clock, sts, hold, accessKey } = trusting();
    sts.answer = () => new ScriptedFault("throttled");
    hold("pod-1");
    await clock.advance(0);
    assert.deepEqual([accessKey(), sts.calls.length], ["pending", 1]);
    sts.answer = () => undefined;
    await clock.advance(30 * second);
    assert.equal(accessKey(), "ASIA-reader-2");
  });

  test("each is renewed by itself, with the trust role's current credentials", async () => {
    const { clock, sts, hold } = trusting();
    hold("pod-1");
    await clock.advance(50 * minute);
    const renewals = sts.calls.slice(2);
    assert.ok(renewals.some(({ name }) => name === "trust"));
    const [last] = renewals.filter(({ name }) => name === "reader");
    assert.match(last?.assumedBy?.accessKeyId ?? "", /^ASIA-trust-/);
  });

  test("while it can't be renewed, they are served until they expire, and then wait", async () => {
    const { cache, clock, sts, hold, accessKey } = trusting();
    hold("pod-1");
    await clock.advance(0);
    sts.answer = ({ name }) =>
      name === "trust" ? new ScriptedFault("access_denied", denied) : undefined;
    await clock.advance(59 * minute);
    assert.match(accessKey(), /^ASIA-reader-/);
    await clock.advance(60 * minute);
    assert.equal(accessKey(), "failed");
    assert.equal(cache.state(trustKey).kind, "failed");
    const requested = sts.calls.filter(({ name }) => name === "reader").length;
    await clock.advance(60 * minute);
    assert.equal(sts.calls.filter(({ name }) => name === "reader").length, requested);
  });

  test("nothing is called if everything is released while the trust role is being assumed", async () => {
    const { cache, clock, sts, hold } = trusting();
    sts.latencyMs = 100;
    hold("pod-1");
    await clock.advance(50);
    cache.release("reader", "pod-1");
    await clock.advance(1000);
    assert.deepEqual([sts.calls.length, cache.entries().length], [1, 0]);
    assert.ok(sts.calls[0]?.signal.aborted);
  });
});

describe("CredentialCache: renew()", () => {
  test("an earlier session is assumed again at once, and served until then", async () => {
    const { cache, clock, sts, hold, accessKey } = bench();
    sts.latencyMs = 100;
    hold("pod-1");
    await clock.advance(minute);
    const before = clock.now();
    assert.equal(cache.renew("reader", before), true);
    assert.equal(accessKey(), "ASIA-reader-0");
    await clock.advance(100);
    assert.equal(accessKey(), "ASIA-reader-1");
    assert.equal(cache.renew("reader", before), false);
    assert.equal(cache.renew("other", before), false);
    await clock.advance(minute);
    assert.equal(sts.calls.length, 2);
  });

  test("a call that began before is followed by another; one in the queue isn't", async () => {
    const { cache, clock, sts, hold, accessKey } = bench();
    sts.latencyMs = 2 * second;
    hold("pod-1");
    await clock.advance(second);
    assert.equal(cache.renew("reader", clock.now() - 2 * second), false);
    assert.equal(cache.renew("reader", clock.now()), true);
    assert.equal(cache.renew("reader", clock.now() - 2 * second), true);
    await clock.advance(second);
    assert.equal(accessKey(), "ASIA-reader-0");
    await clock.advance(2 * second);
    assert.equal(accessKey(), "ASIA-reader-1");
    await clock.advance(minute);
    assert.equal(sts.calls.length, 2);
  });

  test("it causes at most one call per second", async () => {
    const { cache, clock, sts, hold } = bench();
    hold("pod-1");
    for (let count = 0; count < 50; count++) {
      await clock.advance(100);
      cache.renew("reader", clock.now() + minute);
    }
    assert.ok(sts.calls.length <= 6, String(sts.calls.length));
  });
});

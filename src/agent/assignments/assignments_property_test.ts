/**
 * Random histories of frames, connections and time, against an oracle that keeps plain lists and
 * looks through them at every question.
 */
import { test } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import { ManualClock } from "../../../tests/fakes/manual_clock.ts";
import { deniedFrame, podFrame, roleFrame } from "../../../tests/fakes/frames.ts";
import type { AssignFrame, Frame } from "../../protocol/frames.ts";
import { Assignments, type AssignmentStream } from "./assignments.ts";

const uids = ["a", "b", "c"];
const addresses = ["10.0.0.1", "10.0.0.2", "fd00::1"];
const graceMs = 25_000;

type Step =
  | { readonly do: "assign"; readonly frame: (now: number) => AssignFrame }
  | { readonly do: "frame"; readonly frame: Frame }
  | { readonly do: "reconnect" }
  | { readonly do: "overlap" }
  | { readonly do: "advance"; readonly ms: number };

const pod = fc.record({
  ips: fc.subarray(addresses, { maxLength: 2 }),
  hostNetwork: fc.integer({ max: 9, min: 0 }).map((n) => n === 0),
});
const uid = fc.constantFrom(...uids);
const identity = fc.constantFrom("one", "two");
const life = fc.constantFrom(null, 10_000, 60_000, 3_600_000);

const role = fc.tuple(uid, pod, identity, life).map(([id, p, identity, life]) => (now: number) =>
  roleFrame(id, { identity, expiresAt: life === null ? null : now + life }, p)
);

const assign = fc.oneof(
  fc.tuple(uid, pod).map(([id, p]) => () => podFrame(id, p)),
  fc.tuple(uid, pod).map(([id, p]) => () => deniedFrame(id, p)),
  { arbitrary: role, weight: 4 },
);

const frames = fc.oneof(
  uid.map((id): Frame => ({ type: "revoke", uid: id })),
  fc.constant<Frame>({ type: "synced" }),
  fc.constantFrom(0, 14, 15, 300).map((age): Frame => ({ type: "ping", watchAgeSeconds: age })),
);

const step: fc.Arbitrary<Step> = fc.oneof(
  { arbitrary: assign.map((frame): Step => ({ do: "assign", frame })), weight: 6 },
  { arbitrary: frames.map((frame): Step => ({ do: "frame", frame })), weight: 4 },
  fc.constant<Step>({ do: "reconnect" }),
  fc.constantFrom(1000, 5000, 16_000, 26_000).map((ms): Step => ({ do: "advance", ms })),
);

/** One connection as the oracle remembers it: every frame, when it came, in order. */
interface StreamHistory {
  readonly frames: { readonly at: number; readonly frame: Frame }[];
}

/** What must be answered at an address, from the whole history of connections one after another. */
function expected(history: readonly StreamHistory[], ip: string, now: number): string {
  let pods = new Map<string, { frame: AssignFrame; credentials: AssignFrame | null }>();
  const revoked: { uid: string; at: number; by: StreamHistory }[] = [];
  let freshAt = -Infinity;
  for (const received of history) {
    const named = new Set<string>();
    let whole = false;
    let pinged: number | undefined;
    for (const { at, frame } of received.frames) {
      if (frame.type === "ping") {
        const asOf = at - Math.max(0, frame.watchAgeSeconds - 5) * 1000;
        pinged = frame.watchAgeSeconds < 15 ? asOf : Math.min(asOf, pinged ?? freshAt);
        if (whole) freshAt = pinged;
      } else if (frame.type === "revoke") {
        revoked.push({ uid: frame.uid, at, by: received });
        pods.delete(frame.uid);
      } else if (frame.type === "synced") {
        if (whole) continue;
        whole = true;
        pods = new Map([...pods].filter(([id]) => named.has(id)));
        if (pinged !== undefined) freshAt = pinged;
      } else {
        const id = frame.pod.uid;
        const last = revoked.findLast((r) => r.uid === id);
        if (last && last.by !== received && last.at + 30_000 > at) continue;
        named.add(id);
        const before = pods.get(id)?.credentials ?? null;
        const kept = frame.role && before?.role?.identity === frame.role.identity ? before : null;
        pods.set(id, { frame, credentials: frame.role?.credentials ? frame : kept });
      }
    }
  }
  const claims = [...pods.values()].filter(({ frame }) =>
    !frame.pod.hostNetwork && frame.pod.ips.includes(ip)
  );
  if (claims.length !== 1) return claims.length === 0 ? "unknown" : "conflict";
  if (now - freshAt > graceMs) return "stale";
  const [claim] = claims;
  if (claim?.frame.denied) return "denied";
  if (!claim?.frame.role) return "none";
  const credentials = claim.credentials?.role?.credentials;
  if (!credentials || Date.parse(credentials.expiration) <= now) return "pending";
  return credentials.accessKeyId;
}

function answer(assignments: Assignments, ip: string): string {
  const found = assignments.lookUpAddress(ip);
  if (found.kind !== "pod") return found.kind;
  const { outcome } = found.pod;
  if (outcome.kind !== "ready") return outcome.kind;
  return JSON.parse(new TextDecoder().decode(outcome.role.document)).AccessKeyId;
}

function setUp() {
  const clock = new ManualClock();
  return { clock, assignments: new Assignments({ clock, graceMs }) };
}

/** A stream that begins so doesn't lead at once; tests/reliability/identity/servers.txt has that. */
function isFarBehind(frame: Frame): boolean {
  return frame.type === "ping" && frame.watchAgeSeconds > 15;
}

test("connections one after another: every answer is the oracle's", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const { clock, assignments } = setUp();
      const history: StreamHistory[] = [{ frames: [] }];
      let stream = assignments.openStream();
      for (const step of steps) {
        if (step.do === "advance") await clock.advance(step.ms);
        if (step.do === "reconnect") {
          stream.close();
          stream = assignments.openStream();
          history.push({ frames: [] });
        }
        if (step.do === "assign" || step.do === "frame") {
          const frame = step.do === "frame" ? step.frame : step.frame(clock.now());
          const { frames } = history.at(-1)!;
          if (isFarBehind(frame) && !frames.some(({ frame }) => frame.type === "synced")) continue;
          frames.push({ at: clock.now(), frame });
          stream.apply(frame);
        }
        for (const ip of addresses) {
          assert.equal(answer(assignments, ip), expected(history, ip, clock.now()), ip);
        }
      }
    }),
    { numRuns: 300 },
  );
});

test("overlapping connections: never another pod's credentials, never without a claim", async () => {
  const overlap = fc.constant<Step>({ do: "overlap" });
  const steps = fc.array(fc.tuple(fc.oneof({ arbitrary: step, weight: 6 }, overlap), fc.boolean()));
  await fc.assert(
    fc.asyncProperty(steps, async (steps) => {
      const { clock, assignments } = setUp();
      let streams: AssignmentStream[] = [assignments.openStream()];
      const claims = new Map<string, AssignFrame[]>();
      for (const [step, old] of steps) {
        if (step.do === "advance") await clock.advance(step.ms);
        if (step.do === "overlap") streams.push(assignments.openStream());
        if (step.do === "reconnect") {
          streams.shift()?.close();
          if (streams.length === 0) streams = [assignments.openStream()];
        }
        if (step.do === "assign" || step.do === "frame") {
          const frame = step.do === "frame" ? step.frame : step.frame(clock.now());
          if (frame.type === "assign") {
            claims.set(frame.pod.uid, [...claims.get(frame.pod.uid) ?? [], frame]);
          }
          streams.at(old ? 0 : -1)?.apply(frame);
        }
        for (const ip of addresses) assertOwn(assignments, ip, claims, clock.now());
      }
    }),
    { numRuns: 300 },
  );
});

function assertOwn(
  assignments: Assignments,
  ip: string,
  claims: ReadonlyMap<string, readonly AssignFrame[]>,
  now: number,
): void {
  const found = assignments.lookUpAddress(ip);
  if (found.kind !== "pod" || found.pod.outcome.kind !== "ready") return;
  const { uid, outcome } = found.pod;
  assert.ok(answer(assignments, ip).startsWith(`${uid}/`));
  assert.ok(outcome.role.expiresAt > now);
  const own = claims.get(uid) ?? [];
  assert.ok(own.some(({ pod }) => pod.ips.includes(ip) && !pod.hostNetwork));
}

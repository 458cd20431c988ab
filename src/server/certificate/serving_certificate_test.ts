import { test } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import { flushPromises, ManualClock } from "../../../tests/fakes/manual_clock.ts";
import type { CertificateIssuer } from "./certificate_authority.ts";
import type { CertificateTerms } from "./certificate_plan.ts";
import { ServingCertificate, type SharedObject } from "./serving_certificate.ts";

const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;

/** Lives of hours, not months, so that a test sees many of them; waits as they are. */
const terms: CertificateTerms = {
  authorityMs: 24 * hour,
  leafMs: 3 * hour,
  successionMs: 6 * hour,
  leadMs: 10 * minute,
  restoreMs: minute,
};

/** As short as the waits allow: a new authority every hour, a leaf every ten minutes. */
const hasty: CertificateTerms = {
  ...terms,
  authorityMs: 90 * minute,
  leafMs: 15 * minute,
  successionMs: 30 * minute,
};

/** An object of the cluster as the API server guards it; every value it had is remembered. */
class FakeObject implements SharedObject {
  readonly label: string;
  readonly history: { at: number; text: string; tampered: boolean }[] = [];
  reachable = true;
  value: { resourceVersion: string; data: Record<string, string> } | null = null;
  readonly #clock: ManualClock;
  #version = 0;

  constructor(label: string, clock: ManualClock) {
    this.label = label;
    this.#clock = clock;
  }

  set(data: Record<string, string> | null, tampered: boolean): void {
    this.value = data && { resourceVersion: String(++this.#version), data };
    this.history.push({ at: this.#clock.now(), text: data?.["ca.crt"] ?? "", tampered });
  }

  /** A replica's way to it, which can be cut. */
  through(line: { up: boolean }): SharedObject {
    const reach = async () => {
      await Promise.resolve();
      if (!line.up) throw new Error(`cannot reach ${this.label}`);
    };
    return {
      label: this.label,
      read: async () => {
        await reach();
        return this.value;
      },
      write: async (data, version) => {
        await reach();
        if ((this.value?.resourceVersion ?? null) !== version) return "conflict";
        this.set({ ...data }, false);
        return "written";
      },
    };
  }

  read = () => Promise.resolve(this.value);
  write = () => Promise.resolve("conflict" as const);
}

/** Certificates in name only: a leaf's text says who signed it. */
function fakeIssuer(terms: CertificateTerms): CertificateIssuer {
  let count = 0;
  return {
    authority: (now) => {
      const id = `ca${++count}`;
      const expiresAt = now + terms.authorityMs;
      return Promise.resolve({ id, certificate: `<${id}>`, key: "k", expiresAt, retireAt: null });
    },
    leaf: (by, names, now) =>
      Promise.resolve({
        authority: by.id,
        names: [...names],
        issuedAt: now,
        expiresAt: Math.min(now + terms.leafMs, by.expiresAt),
        certificate: `leaf${++count} by ${by.certificate}`,
        key: "k",
      }),
  };
}

interface Replica {
  certificate: ServingCertificate;
  line: { up: boolean };
  served: string | null;
  stop: AbortController;
}

class Cluster {
  readonly clock = new ManualClock();
  readonly secret = new FakeObject("Secret", this.clock);
  readonly configMap = new FakeObject("ConfigMap", this.clock);
  readonly issuer: CertificateIssuer;
  readonly terms: CertificateTerms;
  readonly logged: string[] = [];
  readonly replicas: Replica[] = [];

  constructor(used: CertificateTerms = terms) {
    this.terms = used;
    this.issuer = fakeIssuer(used);
  }

  start(index: number, names: readonly string[] = ["rolecall-server"]): Replica {
    this.replicas[index]?.stop.abort();
    const line = { up: true };
    const note = (fields: object, message: string) =>
      void this.logged.push(`${message} ${JSON.stringify(fields)}`);
    const replica: Replica = {
      line,
      served: null,
      stop: new AbortController(),
      certificate: new ServingCertificate({
        secret: this.secret.through(line),
        configMap: this.configMap.through(line),
        issuer: this.issuer,
        names,
        terms: this.terms,
        clock: this.clock,
        random: () => 0.5,
        log: { debug() {}, info: note, warn: note, error: note },
        changed: ({ cert }) => void (replica.served = cert),
      }),
    };
    this.replicas[index] = replica;
    void replica.certificate.run(replica.stop.signal);
    return replica;
  }

  async pass(ms: number): Promise<void> {
    await this.clock.advance(ms);
    for (let turn = 0; turn < 3; turn++) await flushPromises();
  }

  bundle(): string {
    return this.configMap.value?.data["ca.crt"] ?? "";
  }

  /** Bundles that a node may have now: kubelets take up to two minutes to bring a new one. */
  bundlesOnNodes(): { text: string; tampered: boolean }[] {
    const since = this.clock.now() - 2 * minute;
    const { history } = this.configMap;
    const before = history.findLastIndex(({ at }) => at <= since);
    return history.slice(Math.max(0, before));
  }

  stop(): void {
    for (const replica of this.replicas) replica.stop.abort();
  }
}

function authorityOf(served: string): string {
  return served.slice(served.indexOf("<"));
}

test("ServingCertificate of two replicas starting at once: one leaf for both", async () => {
  const cluster = new Cluster();
  const [a, b] = [cluster.start(0), cluster.start(1)];
  await cluster.pass(5 * second);
  assert.ok(a.served);
  assert.equal(a.served, b.served);
  assert.equal(cluster.bundle(), `${authorityOf(a.served)}\n`);
  cluster.stop();
});

test("ServingCertificate renews the leaf when a third of its life is left, by the same CA", async () => {
  const cluster = new Cluster();
  const a = cluster.start(0);
  await cluster.pass(second);
  const first = a.served;
  await cluster.pass(2 * hour - minute);
  assert.equal(a.served, first);
  await cluster.pass(2 * minute);
  assert.notEqual(a.served, first);
  assert.equal(authorityOf(a.served ?? ""), authorityOf(first ?? ""));
  cluster.stop();
});

test("ServingCertificate publishes a new CA ten minutes before it signs, and keeps the old", async () => {
  const cluster = new Cluster();
  const a = cluster.start(0);
  await cluster.pass(second);
  const old = authorityOf(a.served ?? "");
  while (cluster.bundle().split("\n").length < 3) await cluster.pass(minute);
  const publishedAt = cluster.clock.now();
  while (authorityOf(a.served ?? "") === old) await cluster.pass(minute / 2);
  assert.ok(cluster.clock.now() - publishedAt >= 9 * minute);
  assert.ok(cluster.bundle().includes(old));
  await cluster.pass(terms.leafMs);
  assert.ok(!cluster.bundle().includes(old));
  cluster.stop();
});

test("ServingCertificate restores a deleted Secret, and a ConfigMap", async () => {
  const cluster = new Cluster();
  const a = cluster.start(0);
  await cluster.pass(second);
  const { served } = a;
  const stored = cluster.secret.value?.data;
  const bundle = cluster.bundle();
  for (const text of [null, { "ca.crt": "" }, { "ca.crt": "<evil>\n" }]) {
    cluster.secret.set(text && { "state.json": "{}" }, true);
    cluster.configMap.set(text, true);
    await cluster.pass(31 * second);
    assert.deepEqual(cluster.secret.value?.data, stored);
    assert.equal(cluster.bundle(), bundle);
    assert.equal(a.served, served);
  }
  cluster.stop();
});

test("ServingCertificate: a new replica leaves restoring a lost Secret to those that know it", async () => {
  const cluster = new Cluster();
  const a = cluster.start(0);
  await cluster.pass(second);
  cluster.secret.set(null, true);
  const b = cluster.start(1);
  await cluster.pass(second);
  assert.equal(b.served, null);
  assert.match(b.certificate.problem() ?? "", /another replica to restore Secret/);
  await cluster.pass(45 * second);
  assert.equal(b.served, a.served);
  cluster.stop();
});

test("ServingCertificate of a replica that was cut off for long leaves a lost Secret to the others", async () => {
  const cluster = new Cluster(hasty);
  const [a, b] = [cluster.start(0), cluster.start(1)];
  await cluster.pass(minute);
  a.line.up = false;
  await cluster.pass(70 * minute);
  const trusted = authorityOf(b.served ?? "");
  cluster.secret.set(null, true);
  a.line.up = true;
  await a.certificate.refresh();
  assert.equal(cluster.secret.value, null);
  await cluster.pass(2 * minute);
  assert.ok(cluster.bundle().includes(trusted));
  assert.equal(a.served, b.served);
  cluster.stop();
});

test("ServingCertificate starts over after a minute if no replica has the key", async () => {
  const cluster = new Cluster();
  cluster.start(0).stop.abort();
  cluster.configMap.set({ "ca.crt": "<lost>\n" }, true);
  const b = cluster.start(1);
  await cluster.pass(59 * second);
  assert.equal(b.served, null);
  await cluster.pass(45 * second);
  assert.ok(b.served);
  cluster.stop();
});

test("ServingCertificate adds names, and two sets of names don't fight over them", async () => {
  const cluster = new Cluster();
  cluster.start(0, ["a", "b"]);
  await cluster.pass(second);
  cluster.start(1, ["b", "c"]);
  await cluster.pass(minute);
  const state = JSON.parse(cluster.secret.value?.data["state.json"] ?? "");
  assert.deepEqual(state.leaf.names, ["a", "b", "c"]);
  const version = cluster.secret.value?.resourceVersion;
  await cluster.pass(10 * minute);
  assert.equal(cluster.secret.value?.resourceVersion, version);
  cluster.stop();
});

test("ServingCertificate keeps serving while the API is down, and logs it once", async () => {
  const cluster = new Cluster();
  const a = cluster.start(0);
  await cluster.pass(second);
  a.line.up = false;
  await cluster.pass(60 * minute);
  assert.ok(a.served);
  assert.equal(a.certificate.problem(), "cannot reach ConfigMap");
  assert.equal(cluster.logged.filter((line) => line.includes("cannot reach")).length, 1);
  a.line.up = true;
  await cluster.pass(31 * second);
  assert.equal(a.certificate.problem(), null);
  cluster.stop();
});

test("ServingCertificate recovers at once after a stop longer than the CA's lifetime", async () => {
  const cluster = new Cluster();
  cluster.start(0);
  await cluster.pass(second);
  cluster.stop();
  await cluster.pass(2 * terms.authorityMs);
  const a = cluster.start(0);
  await cluster.pass(5 * second);
  assert.ok((a.certificate.certificateExpiresAt() ?? 0) > cluster.clock.now() + 2 * hour);
  cluster.stop();
});

test("ServingCertificate of a replica that was cut off keeps its CA trusted, and moves late", async () => {
  const cluster = new Cluster();
  const a = cluster.start(0);
  await cluster.pass(second);
  const old = authorityOf(a.served ?? "");
  a.line.up = false;
  cluster.secret.set(null, true);
  const b = cluster.start(1);
  await cluster.pass(5 * minute);
  assert.ok(b.served && !cluster.bundle().includes(old));
  a.line.up = true;
  await cluster.pass(31 * second);
  assert.ok(cluster.bundle().includes(old));
  assert.equal(authorityOf(a.served ?? ""), old);
  await cluster.pass(9 * minute);
  assert.equal(authorityOf(a.served ?? ""), old);
  await cluster.pass(2 * minute);
  assert.equal(a.served, b.served);
  assert.ok(cluster.bundle().includes(old));
  cluster.stop();
});

test("ServingCertificate issues nothing by a new CA too early, since a new replica might serve it", async () => {
  const cluster = new Cluster();
  cluster.start(0);
  await cluster.pass(second);
  while (cluster.bundle().split("\n").length < 3) await cluster.pass(minute);
  const b = cluster.start(1);
  await cluster.pass(5 * second);
  const [signer = ""] = cluster.bundle().split("\n");
  assert.equal(authorityOf(b.served ?? ""), signer);
  cluster.stop();
});

const anything = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.integer({ min: 1, max: 40 }).map((n) => ["pass", n * minute] as const),
  },
  {
    weight: 4,
    arbitrary: fc.integer({ min: 1, max: 40 }).map((n) => ["pass", n * second] as const),
  },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 3 }).map((n) => ["pass", n * hour] as const) },
  { weight: 3, arbitrary: fc.constant(["restart", 1] as const) },
  fc.constantFrom(["cut", 0] as const, ["cut", 1] as const),
  fc.constantFrom(["join", 0] as const, ["join", 1] as const),
  fc.constantFrom(["lose", 0] as const, ["unpublish", 0] as const, ["forge", 0] as const),
);

/** Nothing is amiss with the nodes' bundles by a stranger's hand. */
function checkTrust(cluster: Cluster, calmSince: number): void {
  for (const { served, certificate } of cluster.replicas) {
    const now = cluster.clock.now();
    if (served === null || (certificate.certificateExpiresAt() ?? 0) <= now) continue;
    const authority = authorityOf(served);
    if (now - calmSince < 3 * minute) continue;
    assert.ok(cluster.bundle().includes(authority), `${served} is served, not published`);
    for (const { text } of cluster.bundlesOnNodes()) {
      assert.ok(text.includes(authority), `${served} would be refused with ${text}`);
    }
  }
}

test("ServingCertificate: whatever happens, nodes trust what is served", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anything, { minLength: 4, maxLength: 25 }), async (events) => {
      const cluster = new Cluster(hasty);
      cluster.start(0);
      cluster.start(1);
      await cluster.pass(5 * minute);
      let calmSince = cluster.clock.now() - hour;
      for (const [what, value] of events) {
        if (what === "restart") cluster.start(1);
        if (what === "cut" || what === "join") setLine(cluster, value, what === "join");
        if (what === "lose" && bothKnow(cluster)) cluster.secret.set(null, true);
        if (what === "unpublish") cluster.configMap.set(null, true);
        if (what === "forge") cluster.configMap.set({ "ca.crt": "<evil>\n" }, true);
        if (what === "unpublish" || what === "forge") calmSince = Infinity;
        const until = cluster.clock.now() + (spans[what] ?? value);
        const step = 20 * second;
        while (cluster.clock.now() < until) {
          await cluster.pass(Math.min(step, until - cluster.clock.now()));
          if (calmSince === Infinity && !/evil|^$/.test(cluster.bundle())) {
            calmSince = cluster.clock.now();
          }
          // After an outage longer than a leaf's life there is nothing to keep trusted.
          if (!servesValid(cluster)) calmSince = cluster.clock.now();
          checkTrust(cluster, calmSince);
        }
      }
      cluster.stop();
    }),
    { numRuns: 40 },
  );
});

function servesValid(cluster: Cluster): boolean {
  const now = cluster.clock.now();
  return cluster.replicas.some(({ certificate }) =>
    (certificate.certificateExpiresAt() ?? 0) > now
  );
}

/** How long an event lasts, where that isn't its value. */
const spans: Readonly<Record<string, number>> = {
  restart: second,
  cut: second,
  join: second,
  unpublish: second,
  forge: second,
  // Time for one check: if all who know a lost Secret go at that moment, it is lost for good.
  lose: 35 * second,
};

function setLine(cluster: Cluster, index: number, up: boolean): void {
  const replica = cluster.replicas[index];
  if (replica) replica.line.up = up;
}

/** If no replica that knows the Secret can reach the API, nothing can restore it. */
function bothKnow(cluster: Cluster): boolean {
  return cluster.replicas.every(({ line, served }) => line.up && served !== null);
}

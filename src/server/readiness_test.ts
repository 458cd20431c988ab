import assert from "node:assert/strict";
import { test } from "node:test";
import { missingForReadiness, oldestWatchSeconds, type WatchStatus } from "./readiness.ts";

const watch = (changes: Partial<WatchStatus>): WatchStatus => ({
  resource: "pods",
  synced: true,
  ageSeconds: 1,
  restarts: 0,
  lastError: null,
  ...changes,
});

const ready = {
  watches: () => [watch({})],
  unlisted: () => [],
  certificate: () => ({ expiresAt: 1, problem: null }),
  credentialsProblem: () => null,
  tokensProblem: () => null,
};

test("missingForReadiness(): empty if nothing is missing", () => {
  assert.deepEqual(missingForReadiness(ready), []);
});

test("missingForReadiness(): an incomplete list, with its last error", () => {
  const lastError = "403 forbidden";
  const missing = missingForReadiness({
    ...ready,
    unlisted: () => ["pods", "namespaces"],
    watches: () => [watch({ synced: false, lastError })],
  });
  assert.deepEqual(missing, [
    "pods: not listed yet: 403 forbidden",
    "namespaces: not listed yet: the API server hasn't answered",
  ]);
});

test("missingForReadiness(): a watch that breaks after its list doesn't end readiness", () => {
  const broken = watch({ ageSeconds: 900, lastError: "ECONNREFUSED" });
  assert.deepEqual(missingForReadiness({ ...ready, watches: () => [broken] }), []);
});

test("missingForReadiness(): no certificate yet, though nothing is wrong with it", () => {
  const certificate = () => ({ expiresAt: null, problem: null });
  assert.deepEqual(missingForReadiness({ ...ready, certificate }), ["certificate: none yet"]);
});

test("missingForReadiness(): a problem with renewal doesn't count while a certificate is served", () => {
  const certificate = () => ({ expiresAt: 1, problem: "Secret a/b: forbidden" });
  assert.deepEqual(missingForReadiness({ ...ready, certificate }), []);
});

test("oldestWatchSeconds(): the worst; without any, Infinity", () => {
  assert.equal(oldestWatchSeconds([watch({ ageSeconds: 3 }), watch({ ageSeconds: 14 })]), 14);
  assert.equal(oldestWatchSeconds([]), Infinity);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { flushPromises, ManualClock } from "../../../tests/fakes/manual_clock.ts";
import { keptLog } from "../../../tests/fakes/quiet_log.ts";
import { certificateIssuer as issuer } from "./certificate_authority.ts";
import { CertificateFiles } from "./certificate_files.ts";

const startedAt = Date.UTC(2026, 0, 1);
const authority = await issuer.authority(startedAt);

function newPair() {
  return issuer.leaf(authority, ["rolecall-server"], startedAt);
}

/** Files in memory; `changed()` notifies the watchers. */
function started(files: Record<string, string>) {
  const clock = new ManualClock(startedAt);
  const served: string[] = [];
  const watchers = new Set<() => void>();
  const { log, lines } = keptLog();
  const stop = new AbortController();
  const source = new CertificateFiles({
    cert: "/tls.crt",
    key: "/tls.key",
    readTextFile: (path) => {
      const text = files[path];
      return text === undefined ? Promise.reject(new Error("ENOENT")) : Promise.resolve(text);
    },
    watchFile: (_path, changed) => {
      watchers.add(changed);
      return () => watchers.delete(changed);
    },
    clock,
    log,
    changed: ({ cert }) => served.push(cert),
  });
  const changed = async () => {
    for (const watcher of watchers) watcher();
    await flushPromises();
  };
  return {
    clock,
    served,
    watchers,
    lines,
    stop,
    source,
    changed,
    running: source.run(stop.signal),
  };
}

test("CertificateFiles: the certificate is served at once, with its expiry", async () => {
  const { certificate, key, expiresAt } = await newPair();
  const { served, source, stop, running, watchers } = started({
    "/tls.crt": certificate,
    "/tls.key": key,
  });
  await flushPromises();
  assert.deepEqual([served, source.problem()], [[certificate], null]);
  assert.equal(source.certificateExpiresAt(), expiresAt);
  stop.abort();
  await running;
  assert.equal(watchers.size, 0);
});

test("CertificateFiles: waits for missing files, and names the one missing", async () => {
  const { certificate, key } = await newPair();
  const files: Record<string, string> = { "/tls.crt": certificate };
  const { clock, served, source } = started(files);
  await flushPromises();
  assert.equal(source.problem(), "/tls.key: can't be read");
  files["/tls.key"] = key;
  await clock.advance(2_000);
  assert.deepEqual([served, source.problem()], [[certificate], null]);
});

test("CertificateFiles: a new pair is served when the files change, the same one isn't", async () => {
  const [first, second] = [await newPair(), await newPair()];
  const files = { "/tls.crt": first.certificate, "/tls.key": first.key };
  const { served, changed } = started(files);
  await flushPromises();
  await changed();
  files["/tls.crt"] = second.certificate;
  await changed();
  files["/tls.key"] = second.key;
  await changed();
  assert.deepEqual(served, [first.certificate, second.certificate]);
});

test("CertificateFiles: a broken or wrong key keeps the served certificate, and the message doesn't contain it", async () => {
  const [first, second] = [await newPair(), await newPair()];
  const files = { "/tls.crt": first.certificate, "/tls.key": first.key };
  const { served, source, changed, lines } = started(files);
  await flushPromises();
  files["/tls.key"] = second.key;
  await changed();
  assert.equal(source.problem(), "/tls.key: not the key of /tls.crt");
  files["/tls.key"] = "no key";
  await changed();
  assert.equal(source.problem(), "/tls.key: contains no unencrypted PEM key");
  assert.equal(served.length, 1);
  assert.doesNotMatch(JSON.stringify(lines), /PRIVATE KEY|no key/);
});

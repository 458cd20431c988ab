import { test } from "node:test";
import assert from "node:assert/strict";
import { accessByFiles, type AccessOptions } from "./server_access.ts";
import { serverToken } from "./server_token.ts";

const pem = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n";

function setUp(files: Record<string, string>) {
  const watchers = new Map<string, () => void>();
  const made: (string | null)[] = [];
  const reads: string[] = [];
  const options: AccessOptions = {
    files: {
      readTextFile: (path) => {
        reads.push(path);
        const text = files[path];
        if (text !== undefined) return Promise.resolve(text);
        return Promise.reject(Object.assign(new Error("No such file"), { code: "ENOENT" }));
      },
      watchFile: (path, changed) => {
        watchers.set(path, changed);
        return () => watchers.delete(path);
      },
    },
    caFile: "/ca.crt",
    tokenFile: "/token",
    createClient: (ca) => {
      made.push(ca);
      return { fetch: () => Promise.reject(new Error("not asked")) };
    },
    signal: new AbortController().signal,
  };
  const change = (path: string, text: string) => {
    files[path] = text;
    watchers.get(path)?.();
  };
  return { options, made, reads, change };
}

const missing = [
  [{}, /--server-ca \/ca.crt: there is no such file yet; waiting for it/],
  [{ "/ca.crt": "" }, /--server-ca \/ca.crt: holds no PEM certificate/],
  [{ "/ca.crt": pem }, /--token-file \/token: there is no such file yet/],
  [{ "/ca.crt": pem, "/token": " \n" }, /--token-file \/token: holds no token/],
  [{ "/ca.crt": pem, "/token": "two\nlines" }, /--token-file \/token: holds no token/],
] as const;

for (const [files, message] of missing) {
  test(`access waits: ${message.source}`, async () => {
    const { options } = setUp({ ...files });
    await assert.rejects(accessByFiles(options)(), { code: "not_ready", message });
  });
}

test("files are read once, and again when they change; only another CA makes a client", async () => {
  const { options, made, reads, change } = setUp({ "/ca.crt": pem, "/token": "one\n" });
  const access = accessByFiles(options);
  assert.equal((await access()).token.text, "one");
  const { client } = await access();
  assert.equal(reads.length, 2);
  change("/token", "two");
  change("/ca.crt", pem);
  const again = await access();
  assert.equal(again.token.text, "two");
  assert.equal(again.client, client);
  change("/ca.crt", pem + pem);
  await access();
  assert.deepEqual(made, [pem, pem + pem]);
});

test("a broken file is waited for, then used", async () => {
  const { options, change } = setUp({ "/ca.crt": "-----BEGIN", "/token": "one" });
  const access = accessByFiles(options);
  await assert.rejects(access());
  change("/ca.crt", pem);
  assert.equal((await access()).token.text, "one");
});

test("serverToken() reads exp from a JSON Web Token, and nothing from others", () => {
  const payload = btoa('{"exp":1800000000,"x":"??>>~~"}').replaceAll("+", "-").replaceAll("/", "_");
  assert.equal(serverToken(`h.${payload}.s`)?.expiresAt, 1_800_000_000_000);
  assert.equal(serverToken("h.%%%.s")?.expiresAt, null);
  assert.equal(serverToken("plain")?.expiresAt, null);
  assert.equal(serverToken("with space"), undefined);
});

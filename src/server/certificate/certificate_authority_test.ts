import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { connect } from "node:tls";
import { certificateIssuer as issuer } from "./certificate_authority.ts";
import type { Authority, Leaf } from "./certificate_state.ts";

const now = Date.now();
const hour = 60 * 60_000;
let authority: Authority;
let leaf: Leaf;

before(async () => {
  authority = await issuer.authority(now);
  leaf = await issuer.leaf(authority, ["rolecall-server", "127.0.0.1"], now);
});

const server = createServer((_request, response) => response.end("ok"));
after(() => server.close());

/** What a client that trusts exactly `ca` makes of the leaf under a name: `ok` or an error code. */
async function handshake(ca: string, servername: string): Promise<string> {
  server.setSecureContext({ cert: leaf.certificate, key: leaf.key });
  if (!server.listening) await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address() as AddressInfo;
  return await new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port, ca, servername });
    socket.once("secureConnect", () => (resolve("ok"), socket.destroy()));
    socket.once(
      "error",
      (error: Error & { code?: string }) => resolve(error.code ?? error.message),
    );
  });
}

test("certificateIssuer: leaf is accepted by a client that trusts the authority", async () => {
  assert.equal(await handshake(authority.certificate, "rolecall-server"), "ok");
});

test("certificateIssuer: leaf is accepted with two authorities in the bundle", async () => {
  const other = await issuer.authority(now);
  const bundle = `${other.certificate.trim()}\n${authority.certificate.trim()}\n`;
  assert.equal(await handshake(bundle, "rolecall-server"), "ok");
});

test("certificateIssuer: leaf is refused under another name and by another authority", async () => {
  const other = await issuer.authority(now);
  assert.notEqual(await handshake(authority.certificate, "elsewhere"), "ok");
  assert.notEqual(await handshake(other.certificate, "rolecall-server"), "ok");
});

test("certificateIssuer: dates certificates back an hour, for clocks that differ", () => {
  for (const pem of [authority.certificate, leaf.certificate]) {
    const begins = Date.parse(new X509Certificate(pem).validFrom);
    assert.ok(begins <= now - hour + 1000 && begins > now - 2 * hour);
  }
});

test("certificateIssuer: leaf expires no later than its authority, and says when", async () => {
  const dying = { ...authority, expiresAt: now + hour };
  const short = await issuer.leaf(dying, ["a"], now);
  assert.equal(short.expiresAt, now + hour);
  const written = Date.parse(new X509Certificate(leaf.certificate).validTo);
  assert.ok(Math.abs(written - leaf.expiresAt) < 1000);
});

test("certificateIssuer: names addresses as addresses", () => {
  const names = new X509Certificate(leaf.certificate).subjectAltName ?? "";
  assert.equal(names, "DNS:rolecall-server, IP Address:127.0.0.1");
});

test("certificateIssuer: signs nothing for an authority without its key", async () => {
  await assert.rejects(issuer.leaf({ ...authority, key: null }, ["a"], now), /key is gone/);
});

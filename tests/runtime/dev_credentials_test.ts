/** Container credentials of `dev`: the pod's token, checked by the server, over real sockets. */
import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { DevProcess, send } from "./dev_process.ts";

const sample = fileURLToPath(new URL("../../dev/cluster.yaml", import.meta.url));
const endpoint = ["--container-credentials", "127.0.0.1:0"];

let dev: DevProcess;
let url: URL;
let token: string;

before(async () => {
  dev = new DevProcess(["--manifests", sample, ...endpoint]);
  url = new URL((await dev.saw(/AWS_CONTAINER_CREDENTIALS_FULL_URI=(\S+)/))[1]!);
  token = (await dev.saw(/AWS_CONTAINER_AUTHORIZATION_TOKEN=(\S+)/))[1]!;
});

after(async () => {
  assert.equal(await dev.stop(), 0);
});

const credentials = (headers: Record<string, string>, from = "127.0.0.1") =>
  send(url, url.pathname, from, { headers });

test("dev serves container credentials by the token alone, from any address", async () => {
  for (const from of ["127.0.0.1", "127.0.0.2"]) {
    const answer = await credentials({ Authorization: token }, from);
    assert.equal(answer.status, 200, answer.text);
    assert.equal(answer.headers["content-type"], "application/json");
    const document = JSON.parse(answer.text);
    assert.match(document.AccessKeyId, /^ASIAROLECALLDEV/);
    assert.equal(document.AccountId, "123456789012");
    assert.match(document.Expiration, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  }
});

test("dev refuses container credentials without a token, and with one that isn't its own", async () => {
  assert.equal((await credentials({})).status, 400);
  assert.equal((await credentials({ Authorization: "garbage" })).status, 401);
  const [head, claims] = token.split(".");
  const forged = await credentials({ Authorization: `${head}.${claims}.AAAA` });
  assert.equal(forged.status, 401);
  assert.equal(JSON.parse(forged.text).code, "TokenRefused");
  assert.equal((await credentials({ Authorization: token, Host: "evil.example" })).status, 403);
});

test("dev accepts no address for container credentials that it doesn't have", async () => {
  const other = new DevProcess(["--container-credentials", "169.254.170.2:0"]);
  assert.equal(await other.exitCode, 1);
  assert.match(other.output, /--container-credentials 169\.254\.170\.2:0: not an address of this/);
});

/** Proxies of the environment and of a kubeconfig: what goes through them, and what never does. */
import { after, test } from "node:test";
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startProxy } from "../fakes/proxy.ts";
import { createClusterIssuer } from "../../src/dev/cluster_issuer.ts";
import { startEmbeddedAws } from "../../src/dev/embedded_aws.ts";
import { listen } from "../../src/runtime/http/listener.ts";
import { DevProcess, send } from "./dev_process.ts";
import { kubeconfigFor, KubernetesStandIn } from "./kubernetes_stand_in.ts";

const folder = await mkdtemp(join(tmpdir(), "rolecall-proxies-"));
const aws = await startEmbeddedAws({
  runtime: { listen },
  now: Date.now,
  region: "eu-west-1",
  issuer: createClusterIssuer(Date.now),
});
const api = await KubernetesStandIn.start();
const toAws = await startProxy({ port: portOf(aws.stsUrl) });
const toApi = await startProxy({ port: portOf(api.url) });
const kubeconfig = join(folder, "config");
const cluster = { "proxy-url": toApi.url };
await writeFile(kubeconfig, JSON.stringify(kubeconfigFor("http://api.example.invalid", cluster)));
after(async () => {
  toAws.close();
  toApi.close();
  await aws.close();
  await api.close();
  await rm(folder, { recursive: true });
});

const own = { AWS_ACCESS_KEY_ID: "AKIAIOSFODNN7EXAMPLE", AWS_SECRET_ACCESS_KEY: "x" };
const proxies = {
  HTTP_PROXY: toAws.url,
  HTTPS_PROXY: toAws.url,
  NO_PROXY: "192.0.2.0/24",
  DENO_NO_UPDATE_CHECK: "1",
};
const pods = ["--kubeconfig", kubeconfig, "--as", "shop/cart"];

function portOf(url: string): number {
  return Number(new URL(url).port);
}

test("STS and a kubeconfig's API are reached through their proxies, metadata never", async () => {
  const elsewhere = ["--sts-endpoint", "http://sts.example.invalid"];
  const metadata = ["--metadata-url", "http://metadata.example.invalid"];
  const dev = new DevProcess([...pods, ...elsewhere, ...metadata], { ...own, ...proxies });
  await dev.saw(/127\.0\.0\.1 +shop\/cart +role arn:\S+\n/);
  const agent = await dev.url("agent");
  const { text } = await send(agent, "/latest/meta-data/iam/security-credentials/cart");
  assert.match(JSON.parse(text).AccessKeyId, /^ASIAROLECALLDEV/);
  assert.equal((await send(agent, "/latest/meta-data/placement/region")).status, 502);
  assert.equal(await dev.stop(), 0);
  const targets = new Set(toAws.seen.map(({ request }) => request));
  assert.deepEqual(targets, new Set(["POST http://sts.example.invalid/"]));
  const lists = toApi.seen.filter(({ request }) => !request.includes("watch=1"));
  assert.equal(lists.length, 3);
  assert.ok(lists.every(({ request }) => request.startsWith("GET http://api.example.invalid/")));
});

test("NO_PROXY and the loopback address are reached directly; https:// by CONNECT", async () => {
  toAws.seen.length = 0;
  const endpoint = ["--sts-endpoint", "https://sts.example.invalid"];
  const excluded = ["--sts-endpoint", "https://192.0.2.1"];
  const direct = new DevProcess(excluded, { ...own, ...proxies });
  await direct.saw(/STS can't be reached/);
  await direct.stop();
  const embedded = new DevProcess([], proxies);
  await embedded.saw(/127\.0\.0\.1 +shop\/cart +role arn:\S+\n/);
  await embedded.stop();
  assert.equal(toAws.seen.length, 0);
  const tunnelled = new DevProcess(endpoint, { ...own, ...proxies });
  await tunnelled.saw(/STS can't be reached/);
  await tunnelled.stop();
  assert.equal(toAws.seen[0]?.request, "CONNECT sts.example.invalid:443");
  const away = new DevProcess(endpoint, { ...own, HTTPS_PROXY: "http://user:secret@127.0.0.1:1" });
  await away.saw(/STS can't be reached through the proxy of HTTPS_PROXY/);
  await away.stop();
  assert.doesNotMatch(away.output, /secret/);
});

test("switches of AWS that are neither true nor false end the program", async () => {
  const env = { AWS_USE_FIPS_ENDPOINT: "yes", AWS_USE_DUALSTACK_ENDPOINT: "TRUE" };
  const dev = new DevProcess(["--aws"], { ...own, ...env, AWS_REGION: "eu-west-1" });
  assert.equal(await dev.exitCode, 2);
  assert.match(dev.output, /^AWS_USE_FIPS_ENDPOINT: "yes" is not valid; expected true or false/m);
  assert.match(dev.output, /^AWS_USE_DUALSTACK_ENDPOINT: "TRUE" is not valid/m);
});

test("a proxy that isn't one, and settings that the AWS SDK refuses, end the program", async () => {
  const env = { HTTPS_PROXY: "ftp://x", AWS_USE_FIPS_ENDPOINT: "true", AWS_REGION: "eu-west-1" };
  const custom = { AWS_ENDPOINT_URL_STS: "http://127.0.0.1:1" };
  const dev = new DevProcess(["--aws"], { ...own, ...env, ...custom });
  assert.equal(await dev.exitCode, 2);
  assert.match(dev.output, /^HTTPS_PROXY: is not a proxy's URL/m);
  assert.match(dev.output, /^AWS settings: FIPS .* exclude each other/m);
});

for (const name of ["AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT"]) {
  test(`the embedded STS is used as it is, whatever ${name} says`, async () => {
    const dev = new DevProcess([], { [name]: "true" });
    await dev.saw(/127\.0\.0\.1 +shop\/cart +role arn:\S+\n/);
    assert.equal(await dev.stop(), 0);
  });
}

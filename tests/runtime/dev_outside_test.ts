/** `dev` with a cluster, an STS and a metadata service that aren't its own. */
import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClusterIssuer } from "../../src/dev/cluster_issuer.ts";
import { type EmbeddedAws, startEmbeddedAws } from "../../src/dev/embedded_aws.ts";
import { listen } from "../../src/runtime/http/listener.ts";
import { DevProcess, send } from "./dev_process.ts";
import { kubeconfigFor, KubernetesStandIn, podObject } from "./kubernetes_stand_in.ts";

const list = "/latest/meta-data/iam/security-credentials/";
const region = "eu-central-1";

let folder: string;
let aws: EmbeddedAws;
let api: KubernetesStandIn;
let dev: DevProcess;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "rolecall-dev-"));
  aws = await startEmbeddedAws({
    runtime: { listen },
    now: Date.now,
    region,
    issuer: createClusterIssuer(Date.now),
  });
  api = await KubernetesStandIn.start();
  const kubeconfig = join(folder, "config");
  await writeFile(kubeconfig, JSON.stringify(kubeconfigFor(api.url)));
  dev = new DevProcess([
    ...["--kubeconfig", kubeconfig, "--as", "shop/cart", "--as", "shop/later"],
    ...["--sts-endpoint", aws.stsUrl, "--metadata-url", aws.imdsUrl],
  ], { AWS_ACCESS_KEY_ID: "AKIAIOSFODNN7EXAMPLE", AWS_SECRET_ACCESS_KEY: "x" });
  await dev.saw(/127\.0\.0\.1 +shop\/cart +role arn:\S+\n/);
});

after(async () => {
  assert.equal(await dev.stop(), 0);
  await aws.close();
  await api.close();
  await rm(folder, { recursive: true });
});

test("dev --kubeconfig --as answers as a pod of that cluster, with the STS named", async () => {
  const agent = await dev.url("agent");
  const { text } = await send(agent, `${list}cart`);
  assert.match(JSON.parse(text).AccessKeyId, /^ASIAROLECALLDEV/);
  assert.match(dev.output, /aws sts get-caller-identity .*--endpoint-url http/);
  assert.ok(!dev.output.includes("shop/other"), "only the pods named");
  assert.match(dev.output, /- +shop\/later +doesn't exist \(yet\)\n/);
});

test("dev --metadata-url passes requests on to that service", async () => {
  const answer = await send(await dev.url("agent"), "/latest/meta-data/placement/region");
  assert.equal(answer.text, region);
});

test("dev --as answers for a pod that comes later", async () => {
  const from = dev.output.length;
  api.add(podObject("later", "cart"));
  await dev.saw(/127\.0\.0\.2 +shop\/later +role arn:\S+\n/, from);
  assert.equal((await send(await dev.url("agent"), list, "127.0.0.2")).text, "cart");
});

/** `dev` with a cluster, an STS and a metadata service that aren't its own. */
import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type EmbeddedAws, startEmbeddedAws } from "../../src/dev/embedded_aws.ts";
import { listen } from "../../src/runtime/http/listener.ts";
import { ask, DevProcess } from "./dev_process.ts";

const list = "/latest/meta-data/iam/security-credentials/";
const region = "eu-central-1";

let folder: string;
let aws: EmbeddedAws;
let api: KubernetesStandIn;
let dev: DevProcess;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "rolecall-dev-"));
  aws = await startEmbeddedAws({ runtime: { listen }, now: Date.now, region });
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
  const { text } = await ask(agent, `${list}cart`);
  assert.match(JSON.parse(text).AccessKeyId, /^ASIAROLECALLDEV/);
  assert.match(dev.output, /aws sts get-caller-identity .*--endpoint-url http/);
  assert.ok(!dev.output.includes("shop/other"), "only the pods named");
  assert.match(dev.output, /- +shop\/later +isn't there \(yet\)\n/);
});

test("dev --metadata-url passes on there", async () => {
  const answer = await ask(await dev.url("agent"), "/latest/meta-data/placement/region");
  assert.equal(answer.text, region);
});

test("dev --as answers for a pod that comes later", async () => {
  const from = dev.output.length;
  api.add(podObject("later", "cart"));
  await dev.saw(/127\.0\.0\.2 +shop\/later +role arn:\S+\n/, from);
  assert.equal((await ask(await dev.url("agent"), list, "127.0.0.2")).text, "cart");
});

function podObject(name: string, role: string): object {
  const annotations = { "iam.amazonaws.com/role": role };
  return {
    kind: "Pod",
    metadata: { uid: name, namespace: "shop", name, annotations, resourceVersion: "8" },
    spec: { nodeName: "n1", serviceAccountName: "default" },
    status: { podIP: "10.0.0.7" },
  };
}

/** Lists two pods and a namespace to whoever asks, and keeps watches open. */
class KubernetesStandIn {
  readonly #server: Server;
  readonly #podWatches = new Set<ServerResponse>();
  readonly #added: string[] = [];
  readonly #lists: Readonly<Record<string, readonly object[]>> = {
    "/api/v1/pods": [podObject("cart", "cart"), podObject("other", "cart")],
    "/api/v1/namespaces": [{
      metadata: { name: "shop", annotations: { "iam.amazonaws.com/permitted": ".*" } },
    }],
    "/api/v1/serviceaccounts": [],
  };

  private constructor() {
    this.#server = createServer((request, response) => this.#answer(request.url ?? "", response));
  }

  static async start(): Promise<KubernetesStandIn> {
    const own = new KubernetesStandIn();
    await new Promise<void>((resolve) => own.#server.listen(0, "127.0.0.1", resolve));
    return own;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Tells every watch of pods, those to come too, that this one has been made. */
  add(object: object): void {
    const event = JSON.stringify({ type: "ADDED", object }) + "\n";
    this.#added.push(event);
    for (const watch of this.#podWatches) watch.write(event);
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #answer(target: string, response: ServerResponse): void {
    const { pathname, searchParams } = new URL(target, "http://api.test");
    response.setHeader("content-type", "application/json");
    if (!searchParams.has("watch")) {
      const items = this.#lists[pathname] ?? [];
      return void response.end(JSON.stringify({ metadata: { resourceVersion: "7" }, items }));
    }
    response.flushHeaders();
    if (pathname !== "/api/v1/pods") return;
    for (const event of this.#added) response.write(event);
    this.#podWatches.add(response);
    response.on("close", () => this.#podWatches.delete(response));
  }
}

function kubeconfigFor(server: string): object {
  return {
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "c", cluster: { server } }],
    users: [{ name: "u", user: { token: "t" } }],
    contexts: [{ name: "d", context: { cluster: "c", user: "u" } }],
    "current-context": "d",
  };
}

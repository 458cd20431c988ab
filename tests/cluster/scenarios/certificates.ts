/** The servers' own CA and certificate: renewed, and recreated when somebody deletes them. */
import assert from "node:assert/strict";
import { until } from "../../system/until.ts";
import type { Site } from "../site.ts";
import { sdkPod } from "../workloads.ts";
import type { ClusterScenario } from "./mod.ts";
import { during, spared } from "./upgrades.ts";

const home = "rolecall";
const secret = ["secret", "-n", home, "rolecall-server-tls"];
const day = 24 * 60 * 60_000;
const patiently = { within: 240_000, every: 1000 };

export const certificates: readonly ClusterScenario[] = [
  {
    name: "a certificate and a CA that are about to expire are renewed, and no pod notices",
    run: async (site) => {
      const before = await runs(site);
      const counts = await during(site, () => nearTheirEnd(site));
      spared(site, counts);
      assert.deepEqual(await runs(site), before);
    },
  },
  {
    name: "deleted Secret and ConfigMap of the certificate are recreated, and pods get credentials",
    run: async (site) => {
      const { kubectl } = site;
      await kubectl.do(["delete", ...secret]);
      await kubectl.do(["delete", "configmap", "-n", home, "rolecall-server-ca"]);
      await until("both recreated", async () => {
        await kubectl.get(...secret);
        return await authorities(site);
      }, patiently);
      await kubectl.apply(sdkPod(site, { name: "later", namespace: "shop", role: "reader" }));
      const { code, log } = await kubectl.ended("shop", "later");
      assert.equal(code, 0, log);
    },
  },
];

/** Lets the Secret say so, and waits for what the servers do about it. */
async function nearTheirEnd(site: Site): Promise<void> {
  const { kubectl } = site;
  const { data } = await kubectl.get(...secret);
  const state = JSON.parse(atob(data["state.json"]));
  const now = Date.now();
  Object.assign(state.leaf, { issuedAt: now - 29 * day, expiresAt: now + day });
  for (const authority of state.authorities) authority.expiresAt = now + 40 * day;
  const patch = { data: { "state.json": btoa(JSON.stringify(state)) } };
  await kubectl.do(["patch", ...secret, "--type=merge", "-p", JSON.stringify(patch)]);
  await until("a new certificate", async () => {
    const { data: renewed } = await kubectl.get(...secret);
    return renewed["tls.crt"] !== data["tls.crt"];
  }, patiently);
  await until("the next authority beside this one", async () => {
    return await authorities(site) > state.authorities.length;
  }, patiently);
}

/** How many certificates agents trust. */
async function authorities({ kubectl }: Site): Promise<number> {
  const { code, stdout } = await kubectl.try([
    ...["get", "configmap", "-n", home, "rolecall-server-ca"],
    ...["-o", "jsonpath={.data.ca\\.crt}"],
  ]);
  return code === 0 ? stdout.split("BEGIN CERTIFICATE").length - 1 : 0;
}

/** Every pod, and how often it has been started. */
async function runs({ kubectl }: Site): Promise<string[]> {
  const { items } = await kubectl.get("pods", "-n", home);
  return items.map(({ metadata, status }: Started) =>
    `${metadata.name} ${status.containerStatuses[0]?.restartCount}`
  ).sort();
}

interface Started {
  readonly metadata: { readonly name: string };
  readonly status: { readonly containerStatuses: readonly { readonly restartCount: number }[] };
}

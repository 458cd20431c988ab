/** The servers' own authority and certificate come back when somebody deletes them. */
import assert from "node:assert/strict";
import { until } from "../../system/until.ts";
import { sdkPod } from "../workloads.ts";
import type { ClusterScenario } from "./mod.ts";

const home = "rolecall";

export const certificates: readonly ClusterScenario[] = [{
  name: "Secret and ConfigMap of the certificate deleted: made anew, pods get credentials",
  within: 180_000,
  run: async (site) => {
    const { kubectl } = site;
    await kubectl.do(["delete", "secret", "-n", home, "rolecall-server-tls"]);
    await kubectl.do(["delete", "configmap", "-n", home, "rolecall-server-ca"]);
    await until("both made anew", async () => {
      await kubectl.get("secret", "-n", home, "rolecall-server-tls");
      const map = await kubectl.get("configmap", "-n", home, "rolecall-server-ca");
      return map.data["ca.crt"];
    }, { within: 120_000, every: 1000 });
    await kubectl.apply(sdkPod(site, { name: "later", namespace: "shop", role: "reader" }));
    const { code, log } = await kubectl.ended("shop", "later");
    assert.equal(code, 0, log);
  },
}];

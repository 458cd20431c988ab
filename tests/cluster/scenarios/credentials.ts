/** Pods get the credentials of their role, or a reason why not. */
import assert from "node:assert/strict";
import { until } from "../../system/until.ts";
import { makeNamespace, roleArn, scriptPod, sdkPod } from "../workloads.ts";
import type { ClusterScenario } from "./mod.ts";

const metadata = "http://169.254.169.254/latest/meta-data/iam/security-credentials/";

export const credentials: readonly ClusterScenario[] = [
  {
    name: "a plain pod with an AWS SDK has its role's credentials at its first attempt",
    run: async (site) => {
      const { kubectl } = site;
      await makeNamespace(kubectl, "shop", roleArn("reader"));
      await kubectl.apply(sdkPod(site, { name: "sdk", namespace: "shop", role: "reader" }));
      const { code, log } = await kubectl.ended("shop", "sdk");
      assert.equal(code, 0, log);
      assert.equal(await assumedRole(site.stsUrl, log.trim()), "reader");
    },
  },
  {
    name: "a pod of a namespace that permits nothing is refused, with the reason",
    run: async (site) => {
      const { kubectl } = site;
      await makeNamespace(kubectl, "forbidden");
      const options = { name: "sdk", namespace: "forbidden", role: "reader" };
      await kubectl.apply(sdkPod(site, options));
      const { code, log } = await kubectl.ended("forbidden", "sdk");
      assert.notEqual(code, 0, log);
      const requester = { name: "requester", namespace: "forbidden", role: "reader" };
      await kubectl.apply(scriptPod(site, requester, ["/scripts/get.js", metadata]));
      const answer = await kubectl.ended("forbidden", "requester");
      assert.match(answer.log, /^403 .*iam\.amazonaws\.com\/permitted/);
      await until("the Event on the pod", async () => {
        const { items } = await kubectl.get("events", "-n", "forbidden");
        return items.some((event: { reason: string }) => event.reason === "RoleDenied");
      });
    },
  },
  {
    name: "a pod without a role has no credentials, and not the node's",
    run: async (site) => {
      const { kubectl } = site;
      await kubectl.apply(
        scriptPod(site, { name: "plain", namespace: "shop" }, ["/scripts/get.js", metadata]),
      );
      const { log } = await kubectl.ended("shop", "plain");
      assert.match(log, /^404 /);
    },
  },
  {
    name: "no pod ever reached the node's credentials",
    ownNodes: true,
    run: ({ own }) => {
      assert.deepEqual(own!.metadata.leaks(), []);
      return Promise.resolve();
    },
  },
];

/** Whose credentials these are, by the word of the STS that gave them. */
export async function assumedRole(stsUrl: string, accessKey: string): Promise<string | undefined> {
  const scope = `${accessKey}/20260101/eu-west-1/sts/aws4_request`;
  const answer = await fetch(stsUrl, {
    method: "POST",
    headers: {
      "content-type": "application/x-www-form-urlencoded",
      "authorization": `AWS4-HMAC-SHA256 Credential=${scope}, SignedHeaders=host, Signature=0`,
    },
    body: "Action=GetCallerIdentity&Version=2011-06-15",
  });
  return /assumed-role\/([^/]+)\//.exec(await answer.text())?.[1];
}

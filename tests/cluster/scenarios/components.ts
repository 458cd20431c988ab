/** Components in use, beyond what the API server says of their manifests. */
import assert from "node:assert/strict";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { certificateIssuer as issuer } from "../../../src/server/certificate/certificate_authority.ts";
import { until } from "../../system/until.ts";
import { install, writeOverlay } from "../own_overlays.ts";
import type { Site } from "../site.ts";
import { makeNamespace, roleArn, sdkPod } from "../workloads.ts";
import { assumedRole } from "./credentials.ts";
import type { ClusterScenario } from "./mod.ts";
import { during, spared } from "./upgrades.ts";

const home = "rolecall";

export const components: readonly ClusterScenario[] = [
  {
    name: "container-credentials: SDKs use their token, on the pod network and on the host network",
    ownNodes: true,
    run: (site) =>
      withComponent(site, "container-credentials", async () => {
        await makeNamespace(site.kubectl, "shop", roleArn("reader"));
        for (const hostNetwork of [false, true]) {
          const name = hostNetwork ? "on-the-node" : "with-token";
          await site.kubectl.apply(podWithToken(site, name, hostNetwork));
          const { code, log } = await site.kubectl.ended("shop", name);
          assert.equal(code, 0, log);
          assert.equal(await assumedRole(site.stsUrl, log.trim()), "reader");
        }
      }),
  },
  {
    name: "cert-manager: the server serves its certificates, and renewed ones without a restart",
    ownNodes: true,
    run: async (site) => {
      const { kubectl, own } = site;
      await kubectl.define(own!.customResources);
      const next = await certManager(site);
      try {
        await withComponent(site, "cert-manager", async () => {
          const first = await served(site);
          const counts = await during(site, async () => {
            await next();
            await until("the next certificate served", async () => {
              const now = await served(site);
              return now.every((count, at) => count > first[at]!);
            }, { within: 240_000, every: 1000 });
          });
          spared(site, counts);
        });
      } finally {
        await kubectl.remove(...own!.customResources.flatMap((file) => ["-f", file]));
      }
    },
  },
];

/** The usual installation with a component in addition while `use` runs. */
async function withComponent(site: Site, component: string, use: () => Promise<void>) {
  const folder = writeOverlay(mkdtempSync(join(tmpdir(), "rolecall-component-")), {
    resource: "overlays/kubeadm",
    image: site.image,
    server: { ROLECALL_STS_ENDPOINT: site.stsUrl, ROLECALL_REGION: "eu-west-1" },
    components: [`components/${component}`],
  });
  try {
    await install(site, folder);
    await use();
  } finally {
    await install(site, site.overlay);
  }
}

/** The SDK's pod as docs/container-credentials.md has it. */
function podWithToken(site: Site, name: string, hostNetwork: boolean): object {
  const pod = sdkPod(site, { name, namespace: "shop", role: "reader" }) as {
    spec: { containers: object[]; volumes: object[] };
  };
  const folder = "/var/run/secrets/rolecall";
  const env = {
    AWS_CONTAINER_CREDENTIALS_FULL_URI: "http://169.254.170.23/v1/credentials",
    AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: `${folder}/token`,
    AWS_EC2_METADATA_DISABLED: "true",
  };
  Object.assign(pod.spec, { hostNetwork });
  Object.assign(pod.spec.containers[0]!, {
    env: Object.entries(env).map(([key, value]) => ({ name: key, value })),
    volumeMounts: [{ name: "rolecall-token", mountPath: folder, readOnly: true }],
  });
  const serviceAccountToken = { audience: "rolecall-pod", expirationSeconds: 3600, path: "token" };
  pod.spec.volumes.push({
    name: "rolecall-token",
    projected: { sources: [{ serviceAccountToken }] },
  });
  return pod;
}

/** Writes what cert-manager writes for the component's Certificates; resolves to a renewal. */
async function certManager({ kubectl }: Site): Promise<() => Promise<void>> {
  const authority = await issuer.authority(Date.now());
  const names = ["", `.${home}`, `.${home}.svc`, `.${home}.svc.cluster.local`];
  const write = async () => {
    const leaf = await issuer.leaf(
      authority,
      names.map((rest) => `rolecall-server${rest}`),
      Date.now(),
    );
    const written = (name: string) => ({
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name, namespace: home },
      type: "kubernetes.io/tls",
      stringData: {
        "tls.crt": leaf.certificate,
        "tls.key": leaf.key,
        "ca.crt": authority.certificate,
      },
    });
    await kubectl.apply(
      written("rolecall-server-certificate"),
      written("rolecall-agent-authority"),
    );
  };
  await write();
  return write;
}

/** How often each server has said that it serves a certificate from the component's file. */
async function served({ kubectl }: Site): Promise<number[]> {
  const all = await kubectl.pods(home, "rolecall-server");
  // Those that the rollout has replaced may still be ending.
  const pods = all.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  const names: string[] = pods.map(({ metadata }) => metadata.name).sort();
  const logs = await Promise.all(names.map((name) => kubectl.logs(home, name)));
  const isServed = (line: string) => {
    const { msg, file } = JSON.parse(line);
    return msg === "certificate served" && file === "/etc/rolecall/tls/tls.crt";
  };
  return logs.map((log) => log.split("\n").filter((line) => line !== "" && isServed(line)).length);
}

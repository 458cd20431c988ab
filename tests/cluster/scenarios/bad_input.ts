/** A wrong setup is named in one line of the pod's log, and the pod isn't ready. */
import assert from "node:assert/strict";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "../../system/until.ts";
import type { Shown } from "../kubectl.ts";
import type { Site } from "../site.ts";
import { writeOverlay } from "../own_overlays.ts";
import type { ClusterScenario } from "./mod.ts";

const home = "rolecall";
const lock = { name: "lock", hostPath: { path: "/run/xtables.lock", type: "FileOrCreate" } };

export const badInput: readonly ClusterScenario[] = [
  {
    name: "a wrong setting: the new agent names it, and the old ones keep running",
    ownNodes: true,
    run: async (site) => {
      const { kubectl, overlay } = site;
      const broken = writeOverlay(mkdtempSync(join(tmpdir(), "rolecall-broken-")), {
        resource: "overlays/kubeadm",
        image: site.image,
        server: { ROLECALL_STS_ENDPOINT: site.stsUrl, ROLECALL_REGION: "eu-west-1" },
        agent: { ROLECALL_IMDSV2: "sometimes" },
      });
      const before = (await kubectl.pods(home, "rolecall-agent")).map(({ metadata }) =>
        metadata.name
      );
      await kubectl.do(["apply", "-k", broken]);
      const added = await until("the new agent", async () => {
        const pods = await kubectl.pods(home, "rolecall-agent");
        return pods.find(({ metadata }) => !before.includes(metadata.name))?.metadata.name;
      }, { within: 120_000, every: 500 });
      const message = /ROLECALL_IMDSV2: "sometimes".*optional, required$/m;
      await until("its message", async () => message.test(await kubectl.logs(home, added)), {
        within: 120_000,
        every: 500,
      });
      await until("the message where the pod is described", async () => {
        const shown = await kubectl.do(["describe", "pod", "-n", home, added]);
        return /Ready\s+False/.test(shown) && message.test(shown);
      }, { within: 120_000, every: 500 });
      const ready = (await kubectl.pods(home, "rolecall-agent")).filter(isReady);
      assert.deepEqual(ready.map(({ metadata }) => metadata.name).sort(), before.sort());
      await kubectl.do(["apply", "-k", overlay]);
      await kubectl.rolledOut(home, "daemonset/rolecall-agent");
    },
  },
  {
    name: "an agent without NET_ADMIN reports it and isn't ready",
    run: (site) =>
      reportsProblem(site, "no-net-admin", /NET_ADMIN/, {
        volumes: [lock],
        rights: { capabilities: { drop: ["ALL"] }, runAsUser: 0 },
      }),
  },
  {
    name: "an agent on a node without a packet filter reports it and isn't ready",
    run: async (site) => {
      const data = Object.fromEntries(filterPrograms.map((name) => [name, lackingKernel(name)]));
      const metadata = { name: "lacking-kernel", namespace: home };
      await site.kubectl.apply({ apiVersion: "v1", kind: "ConfigMap", metadata, data });
      const programs = {
        name: "programs",
        configMap: { name: metadata.name, defaultMode: 0o755 },
      };
      const lacking = /iptables-nft-save: the kernel lacks what it needs; .*modprobe/;
      await reportsProblem(site, metadata.name, lacking, { volumes: [lock, programs] });
      await site.kubectl.remove("configmap", "-n", home, metadata.name);
    },
  },
  {
    name: "an agent with another CA reports it and isn't ready",
    run: async (site) => {
      const data = { "ca.crt": otherCa };
      const metadata = { name: "other-ca", namespace: home };
      await site.kubectl.apply({ apiVersion: "v1", kind: "ConfigMap", metadata, data });
      const server = `--server=https://rolecall-server.${home}.svc:8443`;
      await reportsProblem(site, "other-ca", /certificate/, {
        flags: ["--redirect=none", server],
        volumes: [{ name: "ca", configMap: { name: "other-ca" } }],
      });
      await site.kubectl.remove("configmap", "-n", home, "other-ca");
    },
  },
  {
    name: "a server that lacks permissions names them and isn't ready",
    run: async ({ kubectl, overlay }) => {
      await kubectl.do(["delete", "clusterrolebinding", "rolecall-server"]);
      const before = await kubectl.pods(home, "rolecall-server");
      const known = before.map(({ metadata }) => metadata.name);
      await kubectl.remove("pod", "-n", home, known[0]);
      const added = await until("the new server", async () => {
        const pods = await kubectl.pods(home, "rolecall-server");
        const running = pods.filter(({ status }) => status.phase === "Running");
        return running.find(({ metadata }) => !known.includes(metadata.name));
      }, { within: 120_000, every: 500 });
      await until("its message", async () => {
        const log = await kubectl.logs(home, added.metadata.name);
        return /cannot list pods: .*forbidden/.test(log);
      }, { within: 120_000, every: 500 });
      assert.equal(isReady(await kubectl.get("pod", "-n", home, added.metadata.name)), false);
      await kubectl.do(["apply", "-k", overlay]);
      await kubectl.rolledOut(home, "deployment/rolecall-server");
    },
  },
];

const filterPrograms = ["iptables-nft-save", "iptables-legacy-save", "iptables-save", "nft"];

/** What the program says where the kernel knows neither nf_tables nor iptables. */
function lackingKernel(name: string): string {
  const texts: Readonly<Record<string, string>> = {
    "iptables-legacy-save": "iptables-legacy-save v1.8.9 (legacy): Cannot initialize: " +
      "iptables: Table does not exist (do you need to insmod?)",
    "nft": "Unable to initialize Netlink socket: Protocol not supported",
  };
  const text = texts[name] ?? "iptables: Failed to initialize nft: Protocol not supported";
  return `#!/usr/bin/deno -A\nconsole.error(${JSON.stringify(text)}); Deno.exit(1);\n`;
}

function isReady({ status }: Shown): boolean {
  return status.conditions?.some((one: { type: string; status: string }) =>
    one.type === "Ready" && one.status === "True"
  ) ?? false;
}

/** How an agent differs from those that work. */
interface Deviation {
  readonly flags?: readonly string[];
  readonly volumes?: readonly object[];
  /** Of its security context. */
  readonly rights?: object;
}

/** An agent in its own network, so that it doesn't disturb the real ones. */
async function reportsProblem(
  { kubectl, image }: Site,
  name: string,
  message: RegExp,
  { flags = [], volumes = [], rights = {} }: Deviation,
): Promise<void> {
  const projected = {
    sources: [{ serviceAccountToken: { audience: "rolecall-server", path: "token" } }],
  };
  const mounts = {
    ca: "/etc/rolecall/ca",
    token: "/var/run/secrets/rolecall",
    pod: "/run/rolecall-pod",
    lock: "/run/xtables.lock",
    programs: "/programs",
  };
  const all: readonly { name: string }[] = [
    ...volumes as { name: string }[],
    { name: "token", projected } as { name: string },
    { name: "pod", emptyDir: {} } as { name: string },
  ];
  await kubectl.apply({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace: home, labels: { "app.kubernetes.io/name": name } },
    spec: {
      serviceAccountName: "rolecall-agent",
      terminationGracePeriodSeconds: 1,
      containers: [{
        name: "agent",
        image,
        args: [
          "agent",
          "--host-ip=$(POD_IP)",
          "--readiness-file=/run/rolecall-pod/readiness",
          ...flags,
        ],
        env: [
          { name: "POD_IP", valueFrom: { fieldRef: { fieldPath: "status.podIP" } } },
          { name: "PATH", value: `${mounts.programs}:/app/bin:/usr/sbin:/usr/bin` },
        ],
        readinessProbe: { exec: { command: ["ready"] }, periodSeconds: 1, timeoutSeconds: 5 },
        securityContext: { readOnlyRootFilesystem: true, ...rights },
        volumeMounts: all.map((volume) => ({
          name: volume.name,
          mountPath: mounts[volume.name as keyof typeof mounts],
        })),
      }],
      volumes: all,
    },
  });
  await until(`${name}'s message`, async () => message.test(await kubectl.logs(home, name)), {
    within: 120_000,
    every: 500,
  });
  await until(`${name} shown as not ready, and why`, async () => {
    const shown = await kubectl.do(["describe", "pod", "-n", home, name]);
    return /Ready\s+False/.test(shown) && /Readiness probe failed/.test(shown) &&
      message.test(shown);
  }, { within: 120_000, every: 500 });
  await kubectl.remove("pod", "-n", home, name);
}

/** A real CA; nobody has its key. */
const otherCa = `-----BEGIN CERTIFICATE-----
MIIBjzCCATWgAwIBAgIUdcWx72QoLV02scMziIRZJz2qsycwCgYIKoZIzj0EAwIw
HDEaMBgGA1UEAwwRYW5vdGhlciBhdXRob3JpdHkwIBcNMjYxMTIzMTcyMDMzWhgP
MjEyNjEwMzAxNzIwMzNaMBwxGjAYBgNVBAMMEWFub3RoZXIgYXV0aG9yaXR5MFkw
EwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEL4euSiKJNCbGdkV+/Aypc0uQpSGd0n59
/6gOfncUP0IQePSzqROqJzhEH/eFxfGHCtl5YEaeeQN9TwXFRgqfRKNTMFEwHQYD
VR0OBBYEFEXROppAfKtz8YEVXOs7t7eYNgVuMB8GA1UdIwQYMBaAFEXROppAfKtz
8YEVXOs7t7eYNgVuMA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDSAAwRQIh
AM7H3I80xyIsACAFJmAroeYaSoizBvbXcxw+Tj+9KB9lAiA2QBJ7DmsXn+FTmkLI
EcELD816MB1UodmhpVKY6nM6IA==
-----END CERTIFICATE-----
`;

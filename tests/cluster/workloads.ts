/** Pods that request credentials like workloads, and their namespaces. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Kubectl } from "./kubectl.ts";
import type { Site } from "./site.ts";

const scripts = ["request_loop.js", "get.js", "attempt.js"];

/** The account that moto gives every caller. */
const account = "123456789012";

export function roleArn(name: string): string {
  return `arn:aws:iam::${account}:role/${name}`;
}

/** A namespace with the scripts, which permits roles that match `permitted`. */
export async function makeNamespace(
  kubectl: Kubectl,
  name: string,
  permitted?: string,
): Promise<void> {
  const annotations = permitted === undefined ? {} : { "iam.amazonaws.com/permitted": permitted };
  const data = Object.fromEntries(scripts.map((file) => [file, scriptText(file)]));
  await kubectl.apply(
    { apiVersion: "v1", kind: "Namespace", metadata: { name, annotations } },
    { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "scripts", namespace: name }, data },
  );
}

function scriptText(file: string): string {
  return readFileSync(fileURLToPath(new URL(`scripts/${file}`, import.meta.url)), "utf8");
}

interface PodOptions {
  readonly name: string;
  readonly namespace: string;
  readonly role?: string;
  readonly node?: string;
}

/** A plain pod without settings, whose AWS SDK for Go prints the access key that it finds. */
export function sdkPod(site: Site, options: PodOptions): object {
  return podOf(options, { image: site.sdkImage });
}

/** A pod that runs one of the scripts, with all of Deno's permissions. */
export function scriptPod(site: Site, options: PodOptions, command: readonly string[]): object {
  const deno = ["/usr/bin/deno", "run", "-A", "--cached-only"];
  return podOf(options, {
    image: site.image,
    command: [...deno, ...command],
    volumeMounts: [{ name: "scripts", mountPath: "/scripts" }],
    securityContext: {
      runAsNonRoot: true,
      allowPrivilegeEscalation: false,
      capabilities: { drop: ["ALL"] },
    },
  });
}

function podOf({ name, namespace, role, node }: PodOptions, container: object): object {
  const annotations = role === undefined ? {} : { "iam.amazonaws.com/role": role };
  return podObject({ name, namespace, annotations, labels: { "app.kubernetes.io/name": name } }, {
    ...(node === undefined ? {} : { nodeName: node }),
    containers: [{ name: "main", ...container }],
    volumes: [{ name: "scripts", configMap: { name: "scripts" } }],
  });
}

/** A pod that runs once, and ends immediately when it is deleted. */
export function podObject(metadata: object, spec: object): object {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata,
    spec: { restartPolicy: "Never", terminationGracePeriodSeconds: 1, ...spec },
  };
}

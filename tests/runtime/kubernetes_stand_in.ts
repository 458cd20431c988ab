/** A Kubernetes API with two pods, for `dev` to read. */
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export function podObject(name: string, role: string): object {
  const annotations = { "iam.amazonaws.com/role": role };
  return {
    kind: "Pod",
    metadata: { uid: name, namespace: "shop", name, annotations, resourceVersion: "8" },
    spec: { nodeName: "n1", serviceAccountName: "default" },
    status: { podIP: "10.0.0.7" },
  };
}

/** Lists two pods and a namespace to any client, and keeps watches open. */
export class KubernetesStandIn {
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

/** A kubeconfig whose cluster is there; `cluster` adds to it. */
export function kubeconfigFor(server: string, cluster: object = {}): object {
  return {
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "c", cluster: { server, ...cluster } }],
    users: [{ name: "u", user: { token: "t" } }],
    contexts: [{ name: "d", context: { cluster: "c", user: "u" } }],
    "current-context": "d",
  };
}

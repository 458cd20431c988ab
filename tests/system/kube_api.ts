/** A client for the API server with a client certificate, which reports its refusals. */
import { Buffer } from "node:buffer";
import { Agent, request } from "node:https";
import type { Certified, ClusterKeys } from "./pki.ts";

/** Any Kubernetes object, as far as this test reads it. */
export interface KubeObject {
  readonly metadata: {
    readonly name: string;
    readonly uid: string;
    readonly namespace?: string;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly [field: string]: unknown;
}

/** How an attempt went: admission's words are in `message`, or in `warnings` where it let pass. */
export interface Attempt {
  readonly status: number;
  readonly message: string;
  readonly warnings: readonly string[];
}

/** The API server answered with an error. */
export class KubeFault extends Error {
  readonly code = "kube_refused";
  override readonly name = "KubeFault";
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

const contentTypes: Readonly<Record<string, string>> = {
  PATCH: "application/merge-patch+json",
  APPLY: "application/apply-patch+yaml",
};

/** One kept-alive connection to the API server. */
export class KubeApi {
  readonly #keys: ClusterKeys;
  readonly #origin: string;
  readonly #agent: Agent;
  #impersonated: Readonly<Record<string, string>> = {};

  /** As the admin, unless another's certificate is given. */
  constructor(origin: string, keys: ClusterKeys, { cert, key }: Certified = keys.admin) {
    this.#origin = origin;
    this.#keys = keys;
    this.#agent = new Agent({ ca: keys.ca, cert, key, keepAlive: true, maxSockets: 8 });
  }

  get origin(): string {
    return this.#origin;
  }

  get keys(): ClusterKeys {
    return this.#keys;
  }

  get(path: string): Promise<KubeObject> {
    return this.#json("GET", path);
  }

  create(path: string, object: object): Promise<KubeObject> {
    return this.#json("POST", path, object);
  }

  /** Like `create`, with nothing kept; a refusal is an answer. */
  async attempt(path: string, object: object): Promise<Attempt> {
    const { status, text, warnings } = await this.#send("POST", `${path}?dryRun=All`, object);
    return { status, message: status < 300 ? "" : messageOf(text), warnings };
  }

  /** Merges `change` into the object; null removes a field. */
  patch(path: string, change: object): Promise<KubeObject> {
    return this.#json("PATCH", path, change);
  }

  /** Creates the object or makes it what is given (server-side apply). */
  apply(path: string, object: object): Promise<KubeObject> {
    return this.#json("APPLY", `${path}?fieldManager=system-test&force=true`, object);
  }

  /** Gone at once, without a grace period: no kubelet is there to confirm it. */
  async remove(path: string): Promise<void> {
    await this.#json("DELETE", path, { kind: "DeleteOptions", apiVersion: "v1", ...noGrace });
  }

  /** The raw text of an answer, such as that of `/readyz`. */
  async text(path: string): Promise<string> {
    return (await this.#send("GET", path)).text;
  }

  /** With another user's rights. */
  as(user: string): KubeApi {
    const other = new KubeApi(this.#origin, this.#keys);
    other.#impersonated = { "impersonate-user": user };
    return other;
  }

  close(): void {
    this.#agent.destroy();
  }

  async #json(method: string, path: string, body?: object): Promise<KubeObject> {
    const { status, text } = await this.#send(method, path, body);
    if (status < 300) return JSON.parse(text) as KubeObject;
    throw new KubeFault(status, `${method} ${path}: ${status} ${messageOf(text)}`);
  }

  #send(method: string, path: string, body?: object): Promise<Answer> {
    const content = body === undefined ? undefined : JSON.stringify(body);
    const headers = content === undefined ? this.#impersonated : {
      ...this.#impersonated,
      "content-type": contentTypes[method] ?? "application/json",
      "content-length": String(Buffer.byteLength(content)),
    };
    const verb = method === "APPLY" ? "PATCH" : method;
    return new Promise((resolve, reject) => {
      const url = new URL(path, this.#origin);
      const sent = request(url, { method: verb, headers, agent: this.#agent }, (answer) => {
        let text = "";
        answer.setEncoding("utf8");
        answer.on("data", (chunk: string) => text += chunk);
        answer.on("end", () => {
          resolve({
            status: answer.statusCode ?? 0,
            text,
            warnings: warningsOf(answer.rawHeaders),
          });
        });
        answer.on("error", reject);
      });
      sent.on("error", reject);
      sent.setTimeout(20_000, () => sent.destroy(new Error(`${method} ${path}: no answer`)));
      sent.end(content);
    });
  }
}

interface Answer {
  readonly status: number;
  readonly text: string;
  readonly warnings: readonly string[];
}

/** `Warning: 299 - "text"`, once for each. */
function warningsOf(rawHeaders: readonly string[]): string[] {
  return rawHeaders.flatMap((value, at) => {
    if (at % 2 === 0 || rawHeaders[at - 1]?.toLowerCase() !== "warning") return [];
    return [value.replace(/^299 - "/, "").replace(/"$/, "").replaceAll(/\\(.)/g, "$1")];
  });
}

const noGrace = { gracePeriodSeconds: 0 };

function messageOf(text: string): string {
  try {
    return (JSON.parse(text) as { message?: string }).message ?? text;
  } catch {
    return text;
  }
}

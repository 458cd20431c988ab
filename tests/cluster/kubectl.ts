/** kubectl on one cluster: what it prints, and waiting for what it shows. */
import { type Outcome, plainEnv, run } from "../system/programs.ts";
import { until } from "../system/until.ts";

/** Any object, as far as the test reads it. */
// deno-lint-ignore no-explicit-any
export type Shown = any;

/** kubectl failed or was refused. */
class KubectlFault extends Error {
  readonly code = "kubectl_refused";
  override readonly name = "KubectlFault";
}

export class Kubectl {
  readonly kubeconfig: string;

  constructor(kubeconfig: string) {
    this.kubeconfig = kubeconfig;
  }

  try(args: readonly string[], stdin?: string, timeoutMs = 180_000): Promise<Outcome> {
    const options = { env: plainEnv({ KUBECONFIG: this.kubeconfig }), timeoutMs };
    return run(["kubectl", ...args], stdin === undefined ? options : { ...options, stdin });
  }

  async do(args: readonly string[], stdin?: string, timeoutMs?: number): Promise<string> {
    const { code, stdout, stderr } = await this.try(args, stdin, timeoutMs);
    if (code === 0) return stdout;
    throw new KubectlFault(`kubectl ${args.join(" ")}: exit ${code}\n${stderr.slice(-3000)}`);
  }

  /** Creates or changes one object or a list of them. */
  apply(...objects: readonly object[]): Promise<string> {
    const list = { apiVersion: "v1", kind: "List", items: objects };
    return this.do(["apply", "-f", "-"], JSON.stringify(list));
  }

  /** What a test leaves behind; a kubelet or a controller may have been faster. */
  remove(...what: readonly string[]): Promise<string> {
    return this.do(["delete", "--ignore-not-found", ...what]);
  }

  /** Applies files that define custom resources, and waits until they can be used. */
  async define(files: readonly string[]): Promise<void> {
    await this.do(["apply", "--server-side", ...files.flatMap((file) => ["-f", file])]);
    await this.do(["wait", "--for=condition=Established", "--timeout=60s", "crd", "--all"]);
  }

  async get(...what: readonly string[]): Promise<Shown> {
    return JSON.parse(await this.do(["get", "-o", "json", ...what]));
  }

  async pods(namespace: string, app: string): Promise<Shown[]> {
    const list = await this.get("pods", "-n", namespace, "-l", `app.kubernetes.io/name=${app}`);
    return list.items;
  }

  rolledOut(namespace: string, workload: string, within = 300): Promise<string> {
    const args = ["rollout", "status", "-n", namespace, workload, `--timeout=${within}s`];
    return this.do(args, undefined, (within + 10) * 1000);
  }

  /** kubectl itself would give up after half a minute. */
  ready(namespace: string, pod: string): Promise<string> {
    const args = ["wait", "-n", namespace, `pod/${pod}`, "--for=condition=Ready"];
    return this.do([...args, "--timeout=240s"], undefined, 250_000);
  }

  restart(namespace: string, workload: string): Promise<string> {
    return this.do(["rollout", "restart", "-n", namespace, workload]);
  }

  logs(namespace: string, pod: string, ...more: readonly string[]): Promise<string> {
    return this.do(["logs", "-n", namespace, pod, ...more]);
  }

  /** What a pod of one container ended with, once it has. */
  async ended(namespace: string, pod: string): Promise<{ code: number; log: string }> {
    const state = await until(`pod ${pod} ended`, async () => {
      const shown = await this.get("pod", "-n", namespace, pod);
      return shown.status.containerStatuses?.[0]?.state?.terminated;
    }, { within: 180_000, every: 300 });
    return { code: state.exitCode, log: await this.logs(namespace, pod) };
  }
}

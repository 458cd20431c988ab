/**
 * Credentials from a kubeconfig's exec plug-in, such as `aws eks get-token`, by the protocol of
 * client.authentication.k8s.io. Our own, as client-node's sets no KUBERNETES_EXEC_INFO and leaves
 * the plug-in no terminal to prompt on.
 */
import { parsedJson } from "../../net/json.ts";
import * as v from "valibot";
import type { Clock } from "../../time/clock.ts";
import { ConnectionFault } from "./connection.ts";
import type { ExecEntry } from "./kubeconfig_context.ts";
import { oneLine } from "../../telemetry/fault.ts";

/** Runs a program; the code is 127 if there is none. `terminal`: it may prompt there. */
type RunPlugin = (
  command: string,
  args: readonly string[],
  options: {
    readonly env: Readonly<Record<string, string>>;
    readonly terminal: boolean;
    readonly timeoutMs: number;
  },
) => Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }>;

/** Signing in may take a person this long. */
const timeoutMs = 300_000;

export interface ExecPluginOptions {
  readonly exec: ExecEntry;
  /** Of the kubeconfig's user, for messages. */
  readonly userName: string;
  /** `spec.cluster` of ExecCredential, for `provideClusterInfo`. */
  readonly clusterInfo: () => Promise<object>;
  readonly run: RunPlugin;
  /** Whether standard input is a terminal. */
  readonly isInteractive: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Pick<Clock, "now">;
}

const credentialStatus = v.object({
  token: v.optional(v.string()),
  /** PEM. */
  clientCertificateData: v.optional(v.string()),
  clientKeyData: v.optional(v.string()),
  expirationTimestamp: v.optional(v.pipe(v.string(), v.isoTimestamp())),
});
const execCredential = v.object({
  kind: v.literal("ExecCredential"),
  apiVersion: v.string(),
  status: credentialStatus,
});

type ExecCredential = v.InferOutput<typeof credentialStatus>;

/** Runs the plug-in when its last credential has expired, or `refresh` says that it was refused. */
export class ExecPlugin {
  readonly #options: ExecPluginOptions;
  #held: ExecCredential | null = null;

  constructor(options: ExecPluginOptions) {
    this.#options = options;
  }

  /** @throws {ConnectionFault} the plug-in failed, which may pass, or can't be used */
  async credential(refresh: boolean): Promise<ExecCredential> {
    if (this.#held === null || refresh || this.#expired(this.#held)) {
      this.#held = await this.#run();
    }
    return this.#held;
  }

  #expired({ expirationTimestamp }: ExecCredential): boolean {
    if (expirationTimestamp === undefined) return false;
    return Date.parse(expirationTimestamp) <= this.#options.clock.now();
  }

  async #run(): Promise<ExecCredential> {
    const { exec, run, isInteractive } = this.#options;
    if (exec.interactiveMode === "Always" && !isInteractive) {
      throw this.#fault("needs a terminal (interactiveMode Always), and there is none");
    }
    const terminal = isInteractive && exec.interactiveMode !== "Never";
    const env = await this.#environment(terminal);
    const ran = await run(exec.command, exec.args, { env, terminal, timeoutMs });
    if (ran.code === 127) throw this.#fault(missing(exec));
    if (ran.code !== 0) {
      throw this.#fault(`failed: ${oneLine(ran.stderr) || `it ended with code ${ran.code}`}`);
    }
    return this.#read(ran.stdout);
  }

  async #environment(interactive: boolean): Promise<Record<string, string>> {
    const { exec, env, clusterInfo } = this.#options;
    const cluster = exec.provideClusterInfo ? { cluster: await clusterInfo() } : {};
    const info = {
      kind: "ExecCredential",
      apiVersion: exec.apiVersion,
      spec: { interactive, ...cluster },
    };
    const own = Object.entries(env).filter((entry): entry is [string, string] => !!entry[1]);
    return {
      ...Object.fromEntries(own),
      ...Object.fromEntries(exec.env.map(({ name, value }) => [name, value])),
      KUBERNETES_EXEC_INFO: JSON.stringify(info),
    };
  }

  #read(output: string): ExecCredential {
    const { apiVersion } = this.#options.exec;
    const parsed = v.safeParse(execCredential, parsedJson(output));
    if (!parsed.success) throw this.#fault("printed no ExecCredential with a status");
    const { status } = parsed.output;
    if (parsed.output.apiVersion !== apiVersion) {
      throw this.#fault(`printed an ExecCredential of another apiVersion than ${apiVersion}`);
    }
    const { token, clientCertificateData: certificate, clientKeyData: key } = status;
    if ((certificate === undefined) !== (key === undefined)) {
      throw this.#fault("printed only one of clientCertificateData and clientKeyData");
    }
    if (token === undefined && key === undefined) throw this.#fault("printed no credential");
    return status;
  }

  #fault(problem: string): ConnectionFault {
    const { userName, exec } = this.#options;
    const message = `kubeconfig user "${userName}": exec plug-in ${exec.command} ${problem}`;
    return new ConnectionFault("access_unavailable", message);
  }
}

function missing({ installHint }: ExecEntry): string {
  const hint = oneLine(installHint, 1000);
  return `is not installed or not executable${hint === "" ? "" : `: ${hint}`}`;
}

/** The server as a process, with its own API server, STS and settings folder. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Program } from "./program.ts";
import type { Tools } from "./tools.ts";
import { commandOf, type Variant } from "./variants.ts";

interface ClusterSize {
  readonly pods: number;
  readonly nodes: number;
}

/** A cluster and an STS that takes 100 ms; both outlive servers, which may come and go. */
export class ServerAssembly {
  readonly cluster: Program;
  readonly sts: Program;
  readonly #tools: Tools;
  readonly #folder: string;

  constructor(tools: Tools, size: ClusterSize) {
    this.#tools = tools;
    this.#folder = mkdtempSync(join(tools.folder, "server-"));
    const sizes = [`-pods=${size.pods}`, `-nodes=${size.nodes}`];
    this.cluster = new Program("load", [tools.go, "cluster", ...sizes]);
    this.sts = new Program("load", [tools.go, "sts"]);
  }

  /** Writes the server's files; call it once, before the first start. */
  async prepare(): Promise<void> {
    const user = { name: "server", user: { token: "token-of-the-server" } };
    const server = `https://127.0.0.1:${await this.cluster.port()}`;
    const authority = btoa(await this.cluster.command("certificate"));
    const cluster = { name: "bench", cluster: { server, "certificate-authority-data": authority } };
    const context = { name: "bench", context: { cluster: "bench", user: "server" } };
    const config = {
      clusters: [cluster],
      users: [user],
      contexts: [context],
      "current-context": "bench",
    };
    writeFileSync(join(this.#folder, "kubeconfig"), JSON.stringify(config));
    writeFileSync(join(this.#folder, "token"), "token-of-the-server");
    this.#stsPort = await this.sts.port();
  }
  #stsPort = 0;

  /** Waits until it is ready. Listens on a free port unless `port` is given. */
  async start(variant: Variant, port = 0): Promise<RealServer> {
    return await RealServer.ready(this.launch(variant, port));
  }

  launch(variant: Variant, port: number): Program {
    const { command, env } = commandOf(variant, "server", this.#tools);
    return new Program("candidate", [...command, ...this.#args(port)], {
      ...env,
      AWS_ACCESS_KEY_ID: "AKIAIOSFODNN7EXAMPLE",
      AWS_SECRET_ACCESS_KEY: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEYS",
      AWS_REGION: "us-east-1",
      AWS_EC2_METADATA_DISABLED: "true",
    });
  }

  #args(port: number): string[] {
    return [
      `--kubeconfig=${join(this.#folder, "kubeconfig")}`,
      `--token-file=${join(this.#folder, "token")}`,
      "--namespace=rolecall",
      "--replicas=",
      "--tls-dns-names=127.0.0.1",
      "--role-base-arn=arn:aws:iam::111122223333:role/",
      `--listen=127.0.0.1:${port}`,
      "--admin-listen=127.0.0.1:0",
      "--status-listen=127.0.0.1:0",
      `--sts-endpoint=http://127.0.0.1:${this.#stsPort}`,
    ];
  }

  /** The agent of node-0, which has a server at that port. */
  async startAgent(variant: Variant, port: number): Promise<Program> {
    const folder = join(this.#folder, "agent");
    mkdirSync(folder, { recursive: true });
    const { data } = await this.cluster.command("authority");
    writeFileSync(join(folder, "ca.crt"), data["ca.crt"]);
    writeFileSync(join(folder, "token"), agentToken(0));
    const { command, env } = commandOf(variant, "agent", this.#tools);
    return new Program("candidate", [
      ...command,
      "--identity=address",
      "--redirect=none",
      "--direct",
      "--listen=127.0.0.1:0",
      "--admin-listen=127.0.0.1:0",
      `--server=https://127.0.0.1:${port}`,
      `--server-ca=${join(folder, "ca.crt")}`,
      `--token-file=${join(folder, "token")}`,
      `--state-dir=${join(folder, "state")}`,
      "--metadata-url=http://127.0.0.1:9",
    ], env);
  }

  async stop(): Promise<void> {
    await this.cluster.stop();
    await this.sts.stop();
    rmSync(this.#folder, { recursive: true });
  }
}

/** A token that the cluster's API server accepts. */
function agentToken(node: number): string {
  const part = (value: object) => btoa(JSON.stringify(value)).replaceAll("=", "");
  const sub = "system:serviceaccount:rolecall:rolecall-agent";
  const exp = Math.floor(Date.now() / 1000) + 3600;
  return `${part({ alg: "RS256" })}.${part({ aud: ["rolecall-server"], exp, sub, node })}.c2ln`;
}

export class RealServer {
  readonly program: Program;
  /** For agents; HTTPS. */
  readonly port: number;
  readonly readySeconds: number;

  private constructor(program: Program, port: number, readySeconds: number) {
    this.program = program;
    this.port = port;
    this.readySeconds = readySeconds;
  }

  /** Waits until the server reports that it is ready. */
  static async ready(program: Program): Promise<RealServer> {
    const startedAt = performance.now();
    const ports = new Map<string, number>();
    while (!ports.has("admin-listen") || !ports.has("listen")) {
      const line = JSON.parse(await program.line());
      if (line.msg === "listening") ports.set(line.listener, line.port);
    }
    const admin = `http://127.0.0.1:${ports.get("admin-listen")}/readyz`;
    for (let tries = 0; tries < 3000; tries++) {
      const answer = await fetch(admin);
      await answer.body?.cancel();
      const seconds = (performance.now() - startedAt) / 1000;
      if (answer.status === 200) return new RealServer(program, ports.get("listen")!, seconds);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    throw new Error("the server doesn't become ready");
  }
}

/** A container runtime's CRI socket: sandboxes as a test writes them down, and its moods. */
import grpc from "@grpc/grpc-js";
import loader from "@grpc/proto-loader";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runtimeDescriptor } from "../../src/cri/runtime_service.ts";

interface FakeSandbox {
  readonly podUid: string;
  readonly ips?: readonly string[];
  readonly ready?: boolean;
  readonly hostNetwork?: boolean;
}

type Call = { readonly request: { podSandboxId?: string; filter?: unknown } };
type Done = (fault: { code: number; details: string } | null, answer?: unknown) => void;

export class FakeContainerRuntime {
  readonly sandboxes = new Map<string, FakeSandbox>();
  /** Names of calls in order; of a status with the sandbox's id. */
  readonly calls: string[] = [];
  /** Accepts calls and answers none. */
  hangs = false;
  readonly #folder: string;
  #server: grpc.Server | undefined;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  static async start(): Promise<FakeContainerRuntime> {
    const fake = new FakeContainerRuntime(await mkdtemp(join(tmpdir(), "cri-")));
    await fake.listen();
    return fake;
  }

  get socket(): string {
    return join(this.#folder, "runtime.sock");
  }

  async listen(): Promise<void> {
    const definition = loader.fromJSON(
      runtimeDescriptor as Parameters<typeof loader.fromJSON>[0],
      { enums: String, longs: Number, defaults: true },
    );
    const server = this.#server = new grpc.Server();
    server.addService(definition["runtime.v1.RuntimeService"] as grpc.ServiceDefinition, {
      ListPodSandbox: (_call: Call, done: Done) => this.#list(done),
      PodSandboxStatus: (call: Call, done: Done) => this.#status(call, done),
    } as unknown as grpc.UntypedServiceImplementation);
    await new Promise<void>((resolve, reject) => {
      const credentials = grpc.ServerCredentials.createInsecure();
      server.bindAsync(
        `unix:${this.socket}`,
        credentials,
        (fault) => fault ? reject(fault) : resolve(),
      );
    });
  }

  /** As with kill -9: connections are cut, and nothing listens. */
  async kill(): Promise<void> {
    this.#server?.forceShutdown();
    this.#server = undefined;
    await rm(this.socket, { force: true });
  }

  async close(): Promise<void> {
    await this.kill();
    await rm(this.#folder, { recursive: true, force: true });
  }

  #list(done: Done): void {
    this.calls.push("ListPodSandbox");
    if (this.hangs) return;
    const items = [...this.sandboxes].map(([id, { podUid, ready }]) => ({
      id,
      metadata: { name: podUid, uid: podUid, namespace: "team" },
      state: ready === false ? "SANDBOX_NOTREADY" : "SANDBOX_READY",
      runtimeHandler: "runsc",
    }));
    done(null, { items });
  }

  #status({ request }: Call, done: Done): void {
    const id = request.podSandboxId ?? "";
    this.calls.push(`PodSandboxStatus ${id}`);
    if (this.hangs) return;
    const sandbox = this.sandboxes.get(id);
    if (!sandbox) return done({ code: grpc.status.NOT_FOUND, details: "no such sandbox" });
    const [ip = "", ...others] = sandbox.ips ?? [];
    const status = {
      id,
      state: "SANDBOX_READY",
      network: { ip, additionalIps: others.map((ip) => ({ ip })) },
      linux: { namespaces: { options: { network: sandbox.hostNetwork ? "NODE" : "POD" } } },
    };
    done(null, { status });
  }
}

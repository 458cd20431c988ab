/**
 * The node's container runtime over its CRI socket: which sandboxes are READY, and their addresses.
 * What follows from that for a request is the agent's.
 */
import { oneLine } from "../telemetry/fault.ts";
import { runtimeDescriptor } from "./runtime_service.ts";

/** A runtime that is busy answers late; one that is stopped doesn't answer at all. */
const deadlineMs = 1000;

/** A pod's sandbox, with its network set up, whose containers may run. */
interface ReadySandbox {
  readonly id: string;
  readonly podUid: string;
  /** Of its RuntimeClass; empty for the default. */
  readonly runtimeHandler: string;
}

/** The runtime gave no answer. */
export class ContainerRuntimeFault extends Error {
  readonly code = "runtime_away";
  override readonly name = "ContainerRuntimeFault";
}

interface ContainerRuntime {
  /** @throws {ContainerRuntimeFault} no answer within a second. */
  readySandboxes(): Promise<readonly ReadySandbox[]>;
  /**
   * As the runtime spells them; none for a pod on the host network, null where it has none yet.
   * @throws {ContainerRuntimeFault} no answer within a second, or the sandbox is gone.
   */
  addresses(sandboxId: string): Promise<readonly string[] | null>;
  close(): void;
}

type Call<Request, Response> = (
  request: Request,
  options: { readonly deadline: number },
  done: (fault: Error | null, response?: Response) => void,
) => unknown;

interface Client {
  readonly ListPodSandbox: Call<object, ListResponse>;
  readonly PodSandboxStatus: Call<{ readonly podSandboxId: string }, StatusResponse>;
  close(): void;
}

interface ListResponse {
  readonly items: readonly {
    readonly id: string;
    readonly state: string;
    readonly metadata?: { readonly uid: string } | null;
    readonly runtimeHandler: string;
  }[];
}

interface StatusResponse {
  readonly status?: {
    readonly state: string;
    readonly network?: {
      readonly ip: string;
      readonly additionalIps: readonly { readonly ip: string }[];
    } | null;
    readonly linux?: {
      readonly namespaces?: { readonly options?: { readonly network: string } | null } | null;
    } | null;
  } | null;
}

const onlyReady = { filter: { state: { state: "SANDBOX_READY" } } };

/**
 * Connects to `socket`, an absolute path, at the first call and again whenever the runtime comes
 * back. The gRPC library is loaded then too: most agents have no use for it.
 */
export function containerRuntime(socket: string): ContainerRuntime {
  let opened: Promise<Client> | undefined;
  const client = () => opened ??= openClient(socket);
  return {
    async readySandboxes() {
      const { items } = await answer((await client()).ListPodSandbox, onlyReady);
      return items
        .filter(({ state }) => state === "SANDBOX_READY")
        .map(({ id, metadata, runtimeHandler }) => {
          return { id, podUid: metadata?.uid ?? "", runtimeHandler };
        });
    },
    async addresses(podSandboxId) {
      const call = (await client()).PodSandboxStatus;
      return addressesOf(await answer(call, { podSandboxId }));
    },
    close: () => void opened?.then((client) => client.close(), () => {}),
  };

  async function answer<Q, A>(call: Call<Q, A>, request: Q): Promise<A> {
    const own = await client();
    const options = { deadline: Date.now() + deadlineMs };
    return new Promise((resolve, reject) => {
      call.call(own, request, options, (fault, response) => {
        if (response) resolve(response);
        else reject(new ContainerRuntimeFault(problemOf(socket, fault), { cause: fault }));
      });
    });
  }
}

function addressesOf({ status }: StatusResponse): readonly string[] | null {
  if (status?.linux?.namespaces?.options?.network === "NODE") return [];
  const { ip = "", additionalIps = [] } = status?.network ?? {};
  const all = [ip, ...additionalIps.map((other) => other.ip)].filter((text) => text !== "");
  return all.length > 0 ? all : null;
}

function problemOf(socket: string, fault: Error | null): string {
  const message = fault?.message ?? "no answer";
  // Without the elapsed time, repeated log lines are the same and are counted.
  const same = message.replace(/ Resolution note:.*| after [\d.]+s.*/s, "");
  return `${socket}: ${oneLine(same, 200)}`;
}

async function openClient(socket: string): Promise<Client> {
  const grpc = commonJs(await import("@grpc/grpc-js"));
  const loader = commonJs(await import("@grpc/proto-loader"));
  const options = { enums: String, longs: Number, defaults: true };
  const service = loader.fromJSON(
    runtimeDescriptor as Parameters<typeof loader.fromJSON>[0],
    options,
  )["runtime.v1.RuntimeService"];
  const Service = grpc.makeClientConstructor(
    service as Parameters<typeof grpc.makeClientConstructor>[0],
    "RuntimeService",
  );
  const client = new Service(`unix:${socket}`, grpc.credentials.createInsecure(), {
    "grpc.enable_http_proxy": 0,
    "grpc.service_config_disable_resolution": 1,
    "grpc.default_authority": "localhost",
    "grpc.initial_reconnect_backoff_ms": 100,
    "grpc.min_reconnect_backoff_ms": 100,
    "grpc.max_reconnect_backoff_ms": 1000,
    "grpc.max_receive_message_length": 64 * 1024 * 1024,
  });
  return client as unknown as Client;
}

/** In a bundle a CommonJS module's names are found on its default export alone. */
function commonJs<T extends object>(module: T): T {
  return (module as { default?: T }).default ?? module;
}

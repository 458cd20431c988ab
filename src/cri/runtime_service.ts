/**
 * The part of the Kubernetes container runtime interface (`runtime.v1`, k8s.io/cri-api) that says
 * which sandboxes there are and which addresses they have, as a protobuf descriptor. Fields left out
 * are skipped when read.
 */

type Field = readonly [type: string, id: number, rule?: "repeated"];

function message(fields: Readonly<Record<string, Field>>) {
  return {
    fields: Object.fromEntries(
      Object.entries(fields).map(([name, [type, id, rule]]) => [
        name,
        rule === undefined ? { type, id } : { type, id, rule },
      ]),
    ),
  };
}

function method(name: string) {
  return { requestType: `${name}Request`, responseType: `${name}Response` };
}

const v1 = {
  RuntimeService: {
    methods: {
      ListPodSandbox: method("ListPodSandbox"),
      PodSandboxStatus: method("PodSandboxStatus"),
    },
  },
  PodSandboxState: { values: { SANDBOX_READY: 0, SANDBOX_NOTREADY: 1 } },
  NamespaceMode: { values: { POD: 0, CONTAINER: 1, NODE: 2, TARGET: 3 } },
  PodSandboxStateValue: message({ state: ["PodSandboxState", 1] }),
  PodSandboxFilter: message({ state: ["PodSandboxStateValue", 2] }),
  PodSandboxMetadata: message({
    name: ["string", 1],
    uid: ["string", 2],
    namespace: ["string", 3],
  }),
  PodSandbox: message({
    id: ["string", 1],
    metadata: ["PodSandboxMetadata", 2],
    state: ["PodSandboxState", 3],
    runtimeHandler: ["string", 7],
  }),
  ListPodSandboxRequest: message({ filter: ["PodSandboxFilter", 1] }),
  ListPodSandboxResponse: message({ items: ["PodSandbox", 1, "repeated"] }),
  PodIP: message({ ip: ["string", 1] }),
  PodSandboxNetworkStatus: message({ ip: ["string", 1], additionalIps: ["PodIP", 2, "repeated"] }),
  NamespaceOption: message({ network: ["NamespaceMode", 1] }),
  Namespace: message({ options: ["NamespaceOption", 2] }),
  LinuxPodSandboxStatus: message({ namespaces: ["Namespace", 1] }),
  PodSandboxStatus: message({
    id: ["string", 1],
    state: ["PodSandboxState", 3],
    network: ["PodSandboxNetworkStatus", 5],
    linux: ["LinuxPodSandboxStatus", 6],
  }),
  PodSandboxStatusRequest: message({ podSandboxId: ["string", 1] }),
  PodSandboxStatusResponse: message({ status: ["PodSandboxStatus", 1] }),
};

/** As `@grpc/proto-loader`'s `fromJSON` takes it. */
export const runtimeDescriptor = { nested: { runtime: { nested: { v1: { nested: v1 } } } } };

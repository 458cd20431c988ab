/** The pod that the agent of this process would be in a cluster: the server binds it to its node. */
import type { PodFacts } from "../policy/facts.ts";
import { devNodeName } from "./manifest_objects.ts";

/** On the host's network, so no address is its own. */
export function devAgentPod(
  serviceAccount: { readonly namespace: string; readonly name: string },
): PodFacts {
  return {
    uid: "de0a9e77-0000-4000-8000-000000000000",
    namespace: serviceAccount.namespace,
    name: `${serviceAccount.name}-dev`,
    nodeName: devNodeName,
    serviceAccount: serviceAccount.name,
    ips: [],
    hostNetwork: true,
    terminal: false,
    terminating: false,
    mirror: false,
    createdAt: "2026-01-01T00:00:00Z",
    role: "",
    sessionName: null,
    externalId: null,
    sessionDuration: null,
  };
}

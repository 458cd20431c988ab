/** Tells of namespaces whose own annotations can't be read: an Event on the namespace. */
import type { Denial, NamespaceFacts } from "../../policy/facts.ts";
import type { ClusterIndex } from "../cluster/cluster_index.ts";
import type { ObjectEvents } from "./object_events.ts";

interface NamespaceNewsOptions {
  readonly index: ClusterIndex;
  readonly events: ObjectEvents;
  readonly problemOf: (namespace: NamespaceFacts) => Denial | null;
}

/** Follows the index; every replica tells the same, and the sink makes one of it. */
export function namespaceNews({ index, events, problemOf }: NamespaceNewsOptions): void {
  index.subscribe({
    namespaceChanged: (name) => {
      const namespace = index.namespace(name);
      const problem = namespace === undefined ? null : problemOf(namespace);
      if (problem !== null) events.onNamespace(name, "PermittedInvalid", problem.message);
    },
  });
}

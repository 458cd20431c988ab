/** The flags of `explain`: the pod, the server or cluster, and the settings of policy without a server. */
import { flag, short } from "../cli/flags.ts";
import { policyFlagsAsServer } from "../policy_flags/policy_flags.ts";
import { outputFlag, statusClientFlags } from "../status_client/flags.ts";

export const explainFlags = {
  "namespace": short(
    "n",
    flag.text("", "namespace of the pod; empty means that of the kubeconfig's context"),
  ),
  "all": flag.boolean("list denied pods by cause, of --namespace or of all namespaces"),
  "all-namespaces": short("A", flag.boolean("list denied pods of all namespaces by cause")),
  "output": outputFlag,
  ...statusClientFlags,
  "kubeconfig": flag.text("", "decide by policy alone, from the objects of this cluster"),
  ...policyFlagsAsServer,
};

/** The flags of `explain`: which server or cluster to ask, and the settings that a policy alone can't know. */
import { flag } from "../cli/flags.ts";
import { policyFlagsAsServer } from "../policy_flags/policy_flags.ts";

export const explainFlags = {
  "all": flag.boolean("every pod that is denied, by cause, instead of one pod"),
  "server-status": flag.url(
    "",
    "a server's status listener, such as http://127.0.0.1:9622 by port-forward",
  ),
  "kubeconfig": flag.text("", "judge by policy alone, from what this cluster's objects say"),
  "output": flag.choice(["text", "json"], "text", "what is printed"),
  ...policyFlagsAsServer,
};

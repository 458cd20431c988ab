/** The flags of `explain`: which server or cluster to ask, and the settings that a policy alone can't know. */
import { flag } from "../cli/flags.ts";
import { policyFlagsAsServer } from "../policy_flags/policy_flags.ts";

export const explainFlags = {
  "all": flag.boolean("list all denied pods by cause instead of explaining one pod"),
  "server-status": flag.url(
    "",
    "a server's status listener, such as http://127.0.0.1:9622 through a port-forward",
  ),
  "kubeconfig": flag.text("", "decide by policy alone, from the objects of this cluster"),
  "output": flag.choice(["text", "json"], "text", "output format"),
  ...policyFlagsAsServer,
};

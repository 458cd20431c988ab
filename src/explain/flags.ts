/** The flags of `explain`: which server or cluster to ask, and the settings that a policy alone can't know. */
import { flag } from "../cli/flags.ts";

export const explainFlags = {
  "all": flag.boolean("list all denied pods by cause instead of explaining one pod"),
  "server-status": flag.url(
    "",
    "a server's status listener, such as http://127.0.0.1:9622 through a port-forward",
  ),
  "kubeconfig": flag.text("", "decide by policy alone, from the objects of this cluster"),
  "output": flag.choice(["text", "json"], "text", "output format"),
  "role-base-arn": flag.text("", "the server's setting, for --kubeconfig"),
  "permitted-match": flag.choice(["arn", "name"], "arn", "the server's setting, for --kubeconfig"),
  "allowed-roles": flag.boolean("the server's setting, for --kubeconfig"),
};

/** The flags of commands that query a running server, in kubectl's spelling where kubectl has them. */
import { flag, type FlagValues, short } from "../cli/flags.ts";
import type { StatusTarget } from "./status_client.ts";

export const statusClientFlags = {
  "server-status": flag.url(
    "",
    "a server's status listener; empty means http://127.0.0.1:9622 or, if nothing listens there, a " +
      "port-forward by kubectl",
  ),
  "status-token-file": flag.text(
    "",
    "file with a token, for servers whose status listener requires one; - is standard input; empty " +
      "means that kubectl creates one",
  ),
  "context": flag.text("", "context of the kubeconfig; empty means the current one"),
  "server-namespace": flag.text("rolecall", "namespace that the servers run in"),
};

/** Choices of `-o`, as kubectl spells it. */
export const outputFlag = short(
  "o",
  flag.choice(["text", "json", "yaml"], "text", "output format"),
);

/** The server that these flags select. */
export function statusTarget(values: FlagValues<typeof statusClientFlags>): StatusTarget {
  return {
    url: values["server-status"] || null,
    tokenFile: values["status-token-file"] || null,
    context: values.context || null,
    namespace: values["server-namespace"],
  };
}

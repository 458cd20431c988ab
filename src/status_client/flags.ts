/** The flags of commands that ask a running server, in kubectl's spelling where kubectl has them. */
import { flag, short } from "../cli/flags.ts";

export const statusClientFlags = {
  "server-status": flag.url(
    "",
    "a server's status listener; empty means http://127.0.0.1:9622 or, if nothing listens there, a " +
      "port-forward by kubectl",
  ),
  "context": flag.text("", "context of the kubeconfig; empty means the current one"),
  "server-namespace": flag.text("rolecall", "namespace that the servers run in"),
};

/** Choices of `-o`, as kubectl spells it. */
export const outputFlag = short(
  "o",
  flag.choice(["text", "json", "yaml"], "text", "output format"),
);

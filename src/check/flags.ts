/** The flags of `check`: where namespaces and trust policies come from, and the server's settings. */
import { flag, short } from "../cli/flags.ts";
import { policyFlagsAsServer } from "../policy_flags/policy_flags.ts";

export const checkFlags = {
  "kubeconfig": flag.text(
    "",
    "take namespaces and ServiceAccounts that aren't in the manifests from this cluster",
  ),
  "context": flag.text(
    "",
    "context of that kubeconfig; without --kubeconfig, of the one that kubectl uses",
  ),
  "namespace": short(
    "n",
    flag.text("", "namespace of objects that name none; empty means default"),
  ),
  "trust": flag.list(
    "files with the roles' trust policies: IAM's JSON, or a Terraform plan as JSON",
    "paths separated by commas",
  ),
  "server-role": flag.text("", "ARN of the role that the server runs as; for --trust"),
  "output": short("o", flag.choice(["text", "json", "sarif"], "text", "output format")),
  ...policyFlagsAsServer,
};

/** The flags of `migrate check`: where to look, and how kiam or kube2iam was run. */
import { flag } from "../cli/flags.ts";
import { policyFlagsAsServer } from "../policy_flags/policy_flags.ts";

export const migrateFlags = {
  ...policyFlagsAsServer,
  "kubeconfig": flag.text("", "read the pods of this cluster instead of files"),
  "from": flag.choice(
    ["auto", "kiam", "kiam-v3", "kiam-v4", "kube2iam"],
    "auto",
    "what ran before; auto recognises kiam by its namespace annotations",
  ),
  "role-base-arn": flag.text("", "the setting of kiam or kube2iam, and of the server"),
  "output": flag.choice(["text", "json"], "text", "output format"),
  "session": flag.text("kiam", "kiam's --session"),
  "disable-strict-namespace-regexp": flag.boolean("if kiam v4 ran with it"),
  "default-role": flag.text("", "kube2iam's --default-role"),
  "namespace-restrictions": flag.boolean("if kube2iam ran with it"),
  "namespace-restriction-format": flag.choice(
    ["glob", "regexp"],
    "glob",
    "kube2iam's --namespace-restriction-format",
  ),
};

/** The flags of `migrate`: where to look, how kiam or kube2iam was run, and where to go next. */
import { flag, short } from "../cli/flags.ts";
import { policyFlagsAsServer } from "../policy_flags/policy_flags.ts";

const targets = ["irsa", "pod-identity"] as const;
const oneTarget = `one of ${targets.join(", ")}`;

export const migrateFlags = {
  ...policyFlagsAsServer,
  "kubeconfig": flag.text("", "read the pods of this cluster instead of files"),
  "context": flag.text("", "context of the kubeconfig; empty means the current one"),
  "namespace": short(
    "n",
    flag.text("", "only the pods of this namespace; in manifests, that of objects without one"),
  ),
  "to": {
    ...flag.form("", "generate: what comes after Rolecall", /^(?:irsa|pod-identity)?$/, oneTarget),
    choices: targets,
  },
  "oidc-issuer": flag.url(
    "",
    "generate --to=irsa: the cluster's issuer; empty reads it from the cluster",
  ),
  "from": flag.choice(
    ["auto", "kiam", "kiam-v3", "kiam-v4", "kube2iam"],
    "auto",
    "what ran before; auto recognises kiam by its namespace annotations",
  ),
  "role-base-arn": flag.text("", "the setting of kiam or kube2iam, and of the server"),
  "output": short(
    "o",
    flag.choice(
      ["text", "json", "manifests", "terraform", "cli"],
      "text",
      "output format; the last three are generate's",
    ),
  ),
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

/** The flags of `revoke`. */
import { flag, short } from "../cli/flags.ts";
import { outputFlag, statusClientFlags } from "../status_client/flags.ts";

export const revokeFlags = {
  "namespace": short(
    "n",
    flag.text("", "namespace of the pod; empty means that of the kubeconfig's context"),
  ),
  "renew": flag.boolean(
    "also have the servers assume the roles again now, so that pods aren't given what is denied",
  ),
  "output": outputFlag,
  ...statusClientFlags,
};

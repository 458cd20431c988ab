/** The flags of `status` and `version`. */
import { flag, short } from "../cli/flags.ts";
import { outputFlag, statusClientFlags } from "../status_client/flags.ts";

export const statusFlags = {
  "watch": short("w", flag.boolean("print it again every 2 s, until interrupted")),
  "output": outputFlag,
  ...statusClientFlags,
};

export const versionFlags = {
  "client": flag.boolean("only this program's version, without querying a server"),
  "output": outputFlag,
  ...statusClientFlags,
};

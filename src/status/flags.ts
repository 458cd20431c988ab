/** The flags of `status`. */
import { flag, short } from "../cli/flags.ts";
import { outputFlag, statusClientFlags } from "../status_client/flags.ts";

export const statusFlags = {
  "watch": short("w", flag.boolean("print it again every 2 s, until interrupted")),
  "output": outputFlag,
  ...statusClientFlags,
};

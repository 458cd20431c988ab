/** The flags every long-running command has for its log. */
import { flag } from "./flags.ts";

export const logFlags = {
  "log-level": flag.choice(["debug", "info", "warn", "error"], "info", "least level logged"),
  "log-format": flag.choice(["json", "text"], "json", "json for machines, text for people"),
};

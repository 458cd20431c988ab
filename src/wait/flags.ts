/** The flags of `wait`. */
import { flag } from "../cli/flags.ts";

export const waitFlags = {
  timeout: flag.duration("2m", "how long to wait for credentials"),
};

/**
 * `ROLECALL_…` variables that no flag reads: a misspelt one could leave a protection off unnoticed.
 */
import { type FlagTable, variableOf } from "./flags.ts";
import { nearest } from "./nearest.ts";

/**
 * Kubernetes sets these for every Service in the namespace, and ours is called rolecall-server
 * (https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables).
 */
const serviceLink =
  /^ROLECALL_(?:\w+_)?(?:SERVICE_HOST|SERVICE_PORT(?:_\w+)?|PORT_\d+_(?:TCP|UDP|SCTP)(?:_(?:PORT|PROTO|ADDR))?)$/;

function isServiceLink(name: string, value = ""): boolean {
  if (serviceLink.test(name)) return true;
  return name.endsWith("_PORT") && /^(?:tcp|udp|sctp):\/\//.test(value);
}

/** A line for each; those of any command's flags are fine, since commands share ConfigMaps. */
export function strayVariables(
  env: Readonly<Record<string, string | undefined>>,
  tables: readonly FlagTable[],
): string[] {
  const known = new Set(tables.flatMap((table) => Object.keys(table).map(variableOf)));
  return Object.keys(env)
    .filter((name) => name.startsWith("ROLECALL_") && env[name] !== "" && !known.has(name))
    .filter((name) => !isServiceLink(name, env[name]))
    .sort()
    .map((name) => `${name}: unknown variable; ${advice(name, [...known])}`);
}

function advice(name: string, known: readonly string[]): string {
  const bare = (variable: string) => variable.slice("ROLECALL_".length);
  const close = nearest(bare(name).toUpperCase(), known.map(bare));
  return close === undefined ? "see --help for the list" : `did you mean ROLECALL_${close}?`;
}

/** The pods' interface as `--interface` gives it. */

export interface InterfaceMatch {
  /** A name, or its beginning followed by `+`; empty = any interface. */
  readonly name: string;
  /** Every interface but this one. */
  readonly inverted: boolean;
}

/**
 * `eth0`, `cali+`, `!eth0` or empty. Undefined for what no interface can be called: Linux allows
 * 15 bytes, and quotes or spaces would change the rule they are put in.
 */
export function interfaceMatch(text: string): InterfaceMatch | undefined {
  if (text === "") return { name: "", inverted: false };
  const match = /^(!?) ?([A-Za-z0-9_.@-]{1,15}|[A-Za-z0-9_.@-]{1,14}\+)$/.exec(text);
  if (!match?.[2] || match[2] === "." || match[2] === "..") return undefined;
  return { name: match[2], inverted: match[1] === "!" };
}

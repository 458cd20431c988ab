/** A host and port as written in flags, URLs and messages: IPv6 addresses in brackets. */

export interface HostPort {
  /** Without brackets. */
  readonly host: string;
  readonly port: number;
}

/** `HOST:PORT`, `[V6]:PORT` or `:PORT`, the last with an empty host. */
export function readHostPort(text: string): HostPort | undefined {
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([^:[\]\s/]*)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (match === null || port > 65535) return undefined;
  return { host: match[1] ?? match[2] ?? "", port };
}

/** What `readHostPort` reads. */
export function hostPortText({ host, port }: HostPort): string {
  return `${bracketed(host)}:${port}`;
}

/** A host as a URL needs it. */
export function bracketed(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}

/** The inverse of `bracketed`. */
export function withoutBrackets(host: string): string {
  return host.replace(/^\[|\]$/g, "");
}

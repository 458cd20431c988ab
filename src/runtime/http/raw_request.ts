/** What requests have in common, whether node:http or the fast path has read them. */
import type { ConnectionEnds } from "../../net/http_messages.ts";
import type { ListenerRequest } from "./types.ts";

export abstract class RawRequest implements ListenerRequest {
  /** Names and values alternate, as in node:http's raw form. */
  abstract readonly rawHeaders: readonly string[];
  abstract readonly method: string;
  abstract readonly target: string;
  abstract readonly httpVersion: string;
  abstract readonly signal: AbortSignal;
  readonly connection: ConnectionEnds;

  constructor(connection: ConnectionEnds) {
    this.connection = connection;
  }

  abstract body(): ReadableStream<Uint8Array> | null;

  get peer(): string {
    return this.connection.peer;
  }

  get local(): string {
    return this.connection.local;
  }

  header(name: string): string | undefined {
    const raw = this.rawHeaders;
    let found: string | undefined;
    for (let i = 0; i < raw.length; i += 2) {
      if (!isNamed(raw[i], name)) continue;
      const value = raw[i + 1] ?? "";
      found = found === undefined ? value : `${found}, ${value}`;
    }
    return found;
  }

  headerValues(name: string): readonly string[] {
    const raw = this.rawHeaders;
    const values: string[] = [];
    for (let i = 0; i < raw.length; i += 2) {
      if (isNamed(raw[i], name)) values.push(raw[i + 1] ?? "");
    }
    return values;
  }

  /** @throws {TypeError} for names and values that the web's Headers don't take. */
  toRequest(url: string): Request {
    const { method, signal, rawHeaders: raw } = this;
    const headers = new Headers();
    for (let i = 0; i < raw.length; i += 2) headers.append(raw[i] ?? "", raw[i + 1] ?? "");
    const init: RequestInit & { duplex?: "half" } = { method, headers, signal };
    const body = method === "GET" || method === "HEAD" ? null : this.body();
    if (body !== null) {
      init.body = body;
      init.duplex = "half";
    }
    return new Request(url, init);
  }
}

/** Whether a header's name as sent is this one, which is in lower case. */
export function isNamed(raw: string | undefined, name: string): boolean {
  return raw !== undefined && raw.length === name.length && raw.toLowerCase() === name;
}

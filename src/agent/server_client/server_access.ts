/**
 * How the agent reaches the server: a client that trusts the CA file, and the token file's content.
 * Both files are reread when they change; if one is missing or invalid, the fault names it.
 */
import { ServerFault } from "./server_fault.ts";
import { type ServerToken, serverToken } from "./server_token.ts";
import { oneLine } from "../../telemetry/fault.ts";

/** fetch-shaped; `address` is connected to instead of the URL's host. */
export interface ServerClient {
  fetch(
    url: string,
    init?: {
      readonly method?: string;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: string;
      readonly signal?: AbortSignal;
      readonly address?: string;
    },
  ): Promise<Response>;
}

export interface ServerAccess {
  readonly client: ServerClient;
  readonly token: ServerToken;
}

/** @throws {ServerFault} `not_ready`, naming the file that is waited for. */
export type GetAccess = () => Promise<ServerAccess>;

interface Files {
  readTextFile(path: string): Promise<string>;
  watchFile(path: string, changed: () => void): () => void;
}

export interface AccessOptions {
  readonly files: Files;
  /** `--server-ca`; null if the server is reached without TLS. */
  readonly caFile: string | null;
  /** `--token-file` */
  readonly tokenFile: string;
  readonly createClient: (ca: string | null) => ServerClient;
  /** Stops watching. */
  readonly signal: AbortSignal;
}

/** Access by files. A client in use isn't closed when the CA changes: its stream continues. */
export function accessByFiles(options: AccessOptions): GetAccess {
  const { files, caFile, tokenFile, signal } = options;
  const token = watched(files, ["--token-file", tokenFile], signal, tokenOf);
  if (caFile === null) {
    const client = options.createClient(null);
    return async () => ({ client, token: await token() });
  }
  const client = watched(
    files,
    ["--server-ca", caFile],
    signal,
    (pem) => options.createClient(caOf(pem)),
  );
  return async () => ({ client: await client(), token: await token() });
}

/**
 * Only catches a wrong file: TLS parses the certificates. @peculiar/x509 reads PEM too, but would cost
 * every agent 15 MiB of memory and 0.1 s at its start.
 */
function caOf(pem: string): string {
  const found = /-----BEGIN CERTIFICATE-----[\s\S]+-----END CERTIFICATE-----/.test(pem);
  if (!found) throw new Error("holds no PEM certificate");
  return pem;
}

function tokenOf(content: string): ServerToken {
  const token = serverToken(content);
  if (!token) throw new Error("holds no token");
  return token;
}

/** What `make` makes of the file, kept until the file changes; faults aren't kept. */
function watched<T>(
  files: Files,
  [setting, path]: readonly [setting: string, path: string],
  signal: AbortSignal,
  make: (content: string) => T,
): () => Promise<T> {
  let kept: { readonly content: string; readonly value: T } | undefined;
  let dirty = true;
  const stop = files.watchFile(path, () => void (dirty = true));
  signal.addEventListener("abort", stop, { once: true });
  return async () => {
    if (kept && !dirty) return kept.value;
    dirty = false;
    try {
      const content = await files.readTextFile(path);
      if (kept?.content !== content) kept = { content, value: make(content) };
      return kept.value;
    } catch (fault) {
      dirty = true;
      throw new ServerFault(
        "not_ready",
        `${setting} ${path}: ${reasonOf(fault)}; waiting for it`,
        fault,
      );
    }
  };
}

function reasonOf(cause: unknown): string {
  const { code, message } = cause as { code?: unknown; message?: unknown };
  if (code === "ENOENT") return "there is no such file yet";
  return oneLine(String(message ?? cause));
}

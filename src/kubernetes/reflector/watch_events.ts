/**
 * One watch: opened at a resourceVersion and read as typed events until it ends or breaks. The
 * reflector decides what follows.
 */
import type { KubernetesApi } from "../client/api.ts";
import { ApiFault, codeOfStatus, oneLine } from "../client/api_fault.ts";
import { textLines } from "../../net/lines.ts";
import type { Resource } from "../ports.ts";

export type WatchEvent =
  /** The API has accepted the watch. */
  | { readonly kind: "open" }
  | { readonly kind: "changed"; readonly object: unknown; readonly resourceVersion: string }
  | { readonly kind: "deleted"; readonly object: unknown; readonly resourceVersion: string }
  | { readonly kind: "bookmark"; readonly resourceVersion: string };

export interface WatchOptions {
  readonly api: Pick<KubernetesApi, "open">;
  readonly resource: Pick<Resource<unknown>, "plural" | "path">;
  readonly signal: AbortSignal;
  readonly resourceVersion: string;
  /** After this many seconds the API ends the watch in order. */
  readonly timeoutSeconds: number;
}

/** A line that is no watch event, such as one cut off midway. */
export class WatchFault extends Error {
  readonly code = "watch_malformed";
  override readonly name = "WatchFault";
}

/** An object is 1.5 MiB at most in etcd, and its JSON some times that. */
const MAX_LINE = 16 * 1024 * 1024;

/**
 * Ends when the API ends the watch.
 * @throws {ApiFault} refused, unreachable, or an ERROR event (`api_gone`: list anew)
 * @throws {WatchFault} a broken line
 */
export async function* watchEvents(options: WatchOptions): AsyncGenerator<WatchEvent> {
  const { api, resource, signal } = options;
  const response = await api.open(watchCall(options));
  yield { kind: "open" };
  if (!response.body) return;
  for await (const line of textLines(response.body, MAX_LINE, signal)) {
    yield eventOfLine(line, resource.plural);
  }
}

function watchCall({ resource, signal, resourceVersion, timeoutSeconds }: WatchOptions) {
  const query = new URLSearchParams({
    watch: "1",
    allowWatchBookmarks: "true",
    timeoutSeconds: String(timeoutSeconds),
    resourceVersion,
  });
  return { action: `watch ${resource.plural}`, path: `${resource.path}?${query}`, signal };
}

interface RawEvent {
  readonly type?: unknown;
  readonly object?: {
    readonly metadata?: { readonly resourceVersion?: unknown };
    readonly code?: unknown;
    readonly message?: unknown;
  };
}

function eventOfLine(line: string, plural: string): WatchEvent {
  const { type, object } = parseLine(line);
  const written = object?.metadata?.resourceVersion;
  const resourceVersion = typeof written === "string" ? written : "";
  switch (type) {
    case "ADDED":
    case "MODIFIED":
      return { kind: "changed", object, resourceVersion };
    case "DELETED":
      return { kind: "deleted", object, resourceVersion };
    case "BOOKMARK":
      return { kind: "bookmark", resourceVersion };
    case "ERROR":
      throw errorEvent(object, plural);
    default:
      throw new WatchFault(`an event of no known type`);
  }
}

function parseLine(line: string): RawEvent {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw new WatchFault(`a line that is not JSON`);
  }
  if (typeof value === "object" && value !== null) return value;
  throw new WatchFault(`a line that is no event`);
}

function errorEvent(object: RawEvent["object"], plural: string): ApiFault {
  const status = typeof object?.code === "number" ? object.code : 500;
  const said = typeof object?.message === "string" ? oneLine(object.message) : "";
  return new ApiFault(`kubernetes: watch ${plural} ended: ${status} ${said}`, {
    code: codeOfStatus(status),
    status,
  });
}

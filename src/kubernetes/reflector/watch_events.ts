/**
 * One watch: opened at a resourceVersion and read as typed events until it ends or breaks. The
 * reflector decides what follows.
 */
import type { KubernetesApi } from "../client/api.ts";
import { ApiFault, codeOfStatus } from "../client/api_fault.ts";
import { textLines } from "../../net/lines.ts";
import type { Resource } from "../objects/resource.ts";
import { oneLine } from "../../telemetry/fault.ts";

export type WatchEvent =
  /** The API has accepted the watch. */
  | { readonly kind: "open" }
  | { readonly kind: "changed"; readonly object: unknown; readonly resourceVersion: string }
  | { readonly kind: "deleted"; readonly object: unknown; readonly resourceVersion: string }
  | { readonly kind: "bookmark"; readonly resourceVersion: string };

interface WatchOptions {
  readonly api: Pick<KubernetesApi, "open">;
  readonly resource: Pick<Resource<unknown>, "plural" | "path">;
  readonly signal: AbortSignal;
  readonly resourceVersion: string;
  /** The API ends the watch normally after this time. */
  readonly timeoutSeconds: number;
}

/** A line that is not a watch event, or a watch that doesn't end in time. */
export class WatchFault extends Error {
  readonly code = "watch_malformed";
  override readonly name = "WatchFault";
}

/** etcd stores at most 1.5 MiB per object; its JSON can be a few times longer. */
const maxLineBytes = 16 * 1024 * 1024;

/**
 * Ends when the API ends the watch.
 * @throws {ApiFault} refused, unreachable, or an ERROR event (`api_gone`: list again)
 * @throws {WatchFault} a malformed line
 */
export async function* watchEvents(options: WatchOptions): AsyncGenerator<WatchEvent> {
  const { api, resource, signal } = options;
  const response = await api.open(watchCall(options));
  yield { kind: "open" };
  if (!response.body) return;
  for await (const line of textLines(response.body, maxLineBytes, signal)) {
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
  const version = object?.metadata?.resourceVersion;
  const resourceVersion = typeof version === "string" ? version : "";
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
      throw new WatchFault("an event of unknown type");
  }
}

function parseLine(line: string): RawEvent {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw new WatchFault("a line that is not JSON");
  }
  if (typeof value === "object" && value !== null) return value;
  throw new WatchFault("a line that is not an event");
}

function errorEvent(object: RawEvent["object"], plural: string): ApiFault {
  const status = typeof object?.code === "number" ? object.code : 500;
  const text = typeof object?.message === "string" ? oneLine(object.message) : "";
  return new ApiFault(`kubernetes: watch ${plural} ended: ${status} ${text}`, {
    code: codeOfStatus(status),
    status,
  });
}

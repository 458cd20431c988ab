/**
 * Lists a collection page by page and keeps only the facts of each object, so that at most one page
 * of complete objects is in memory.
 */
import * as v from "valibot";
import type { KubernetesApi } from "../client/api.ts";
import { ApiFault } from "../client/api_fault.ts";
import { withDeadline } from "../../time/deadline.ts";
import type { Picked, Resource } from "../objects/resource.ts";
import type { Clock } from "../../time/clock.ts";

const page = v.object({
  metadata: v.object({
    resourceVersion: v.pipe(v.string(), v.nonEmpty()),
    continue: v.optional(v.string(), ""),
  }),
  items: v.optional(v.nullable(v.array(v.unknown())), []),
});
type Page = v.InferOutput<typeof page>;

interface ListOptions<T> {
  readonly api: Pick<KubernetesApi, "open">;
  readonly resource: Resource<T>;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Objects per page. */
  readonly limit: number;
  /** An object without facts. */
  unreadable(problem: string): void;
}

/** For one page, which is read completely. */
const pageTimeoutMs = 60_000;

/**
 * The facts and the resourceVersion to watch from.
 * @throws {ApiFault} `api_gone` also if a continue token expired meanwhile: list again
 */
export async function listPages<T>(
  options: ListOptions<T>,
): Promise<{ items: T[]; resourceVersion: string }> {
  const items: T[] = [];
  let token = "";
  for (;;) {
    const { continue: next, resourceVersion } = await keepPage(options, token, items);
    if (next === "") return { items, resourceVersion };
    token = next;
  }
}

/** A separate function, so that nothing refers to the page while the next one is read. */
async function keepPage<T>(
  options: ListOptions<T>,
  token: string,
  items: T[],
): Promise<Page["metadata"]> {
  const text = await readPage(options, token);
  const { metadata, items: objects } = parsePage(text, `list ${options.resource.plural}`);
  keep(items, (objects ?? []).map(options.resource.pick), options);
  return metadata;
}

function keep<T>(items: T[], picked: readonly Picked<T>[], options: ListOptions<T>): void {
  for (const one of picked) {
    if ("item" in one) items.push(one.item);
    else options.unreadable(one.problem);
  }
}

async function readPage<T>(options: ListOptions<T>, token: string): Promise<string> {
  const { api, resource, clock } = options;
  const query = new URLSearchParams({ limit: String(options.limit) });
  if (token !== "") query.set("continue", token);
  const call = { action: `list ${resource.plural}`, path: `${resource.path}?${query}` };
  return await withDeadline(
    { clock, ms: pageTimeoutMs, signal: options.signal },
    async (signal) => {
      return await (await api.open({ ...call, signal })).text();
    },
  );
}

function parsePage(text: string, action: string): Page {
  try {
    return v.parse(page, JSON.parse(text));
  } catch (fault) {
    const message = `kubernetes: cannot ${action}: the answer is not a list`;
    throw new ApiFault(message, { code: "api_refused", status: null, cause: fault });
  }
}

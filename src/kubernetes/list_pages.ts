/**
 * Lists a whole collection page by page, keeping of each object only what is picked, so that memory
 * holds one page of whole objects at a time.
 */
import * as v from "valibot";
import type { KubernetesApi } from "./api.ts";
import { ApiFault } from "./api_fault.ts";
import { withDeadline } from "./deadline.ts";
import type { Clock, Picked, Resource } from "./ports.ts";

const page = v.object({
  metadata: v.object({
    resourceVersion: v.pipe(v.string(), v.nonEmpty()),
    continue: v.optional(v.string(), ""),
  }),
  items: v.optional(v.nullable(v.array(v.unknown())), []),
});
type Page = v.InferOutput<typeof page>;

export interface ListOptions<T> {
  readonly api: Pick<KubernetesApi, "open">;
  readonly resource: Resource<T>;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Objects a page. */
  readonly limit: number;
  unreadable(problem: string): void;
}

/** Time for one page, which is read whole. */
const PAGE_MS = 60_000;

/**
 * The picked items and the resourceVersion to watch from.
 * @throws {ApiFault} `api_gone` also where a continue token has expired on the way: list anew
 */
export async function listPages<T>(
  options: ListOptions<T>,
): Promise<{ items: T[]; resourceVersion: string }> {
  const items: T[] = [];
  let token = "";
  for (;;) {
    const { metadata, items: objects } = await readPage(options, token);
    keep(items, (objects ?? []).map(options.resource.pick), options);
    if (metadata.continue === "") return { items, resourceVersion: metadata.resourceVersion };
    token = metadata.continue;
  }
}

function keep<T>(items: T[], picked: readonly Picked<T>[], options: ListOptions<T>): void {
  for (const one of picked) {
    if ("item" in one) items.push(one.item);
    else options.unreadable(one.problem);
  }
}

async function readPage<T>(options: ListOptions<T>, token: string): Promise<Page> {
  const { api, resource, clock } = options;
  const query = new URLSearchParams({ limit: String(options.limit) });
  if (token !== "") query.set("continue", token);
  const call = { action: `list ${resource.plural}`, path: `${resource.path}?${query}` };
  const text = await withDeadline(clock, PAGE_MS, options.signal, async (signal) => {
    return await (await api.open({ ...call, signal })).text();
  });
  return parsePage(text, call.action);
}

function parsePage(text: string, action: string): Page {
  try {
    return v.parse(page, JSON.parse(text));
  } catch (cause) {
    const message = `kubernetes: cannot ${action}: the answer is not a list`;
    throw new ApiFault(message, { code: "api_refused", status: null, cause });
  }
}

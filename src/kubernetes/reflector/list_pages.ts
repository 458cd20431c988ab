/**
 * Lists a whole collection page by page, keeping of each object only what is picked, so that memory
 * holds one page of whole objects at a time.
 */
import * as v from "valibot";
import type { KubernetesApi } from "../client/api.ts";
import { ApiFault } from "../client/api_fault.ts";
import { withDeadline } from "../../time/deadline.ts";
import type { PageGarbage } from "./page_garbage.ts";
import type { Clock, Picked, Resource } from "../ports.ts";

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
  /** Told of each page. */
  readonly garbage?: PageGarbage;
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
    const { metadata, chars } = await keepPage(options, token, items);
    options.garbage?.page(chars);
    const { continue: next, resourceVersion } = metadata;
    if (next === "") return { items, resourceVersion };
    token = next;
  }
}

/** In a function of its own, so that nothing of the page is in use when garbage is collected. */
async function keepPage<T>(
  options: ListOptions<T>,
  token: string,
  items: T[],
): Promise<{ metadata: Page["metadata"]; chars: number }> {
  const text = await readPage(options, token);
  const { metadata, items: objects } = parsePage(text, `list ${options.resource.plural}`);
  keep(items, (objects ?? []).map(options.resource.pick), options);
  return { metadata, chars: text.length };
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
  return await withDeadline({ clock, ms: PAGE_MS, signal: options.signal }, async (signal) => {
    return await (await api.open({ ...call, signal })).text();
  });
}

function parsePage(text: string, action: string): Page {
  try {
    return v.parse(page, JSON.parse(text));
  } catch (cause) {
    const message = `kubernetes: cannot ${action}: the answer is not a list`;
    throw new ApiFault(message, { code: "api_refused", status: null, cause });
  }
}

/**
 * A Kubernetes API server in memory: lists in pages, watches with bookmarks, tokens and their reviews,
 * and the faults of a real one. What it holds is the truth that servers learn of later; `reported` calls back
 * with each change, for the checks.
 */
import { claimsOf, jwt } from "../fakes/jwt.ts";
import type { VirtualClock } from "./virtual_clock.ts";

export interface ApiObject {
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly uid?: string;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly creationTimestamp?: string;
    readonly deletionTimestamp?: string;
    readonly resourceVersion?: string;
  };
  readonly spec?: Readonly<Record<string, unknown>>;
  readonly status?: Readonly<Record<string, unknown>>;
  readonly data?: Readonly<Record<string, string>>;
}

/** `silent` answers nothing, `fails` and `throttles` refuse, `lags` shows watches the past. */
export type ApiMood = "well" | "silent" | "fails" | "throttles" | "lags";

interface Change {
  readonly version: number;
  readonly type: "ADDED" | "MODIFIED" | "DELETED";
  readonly object: ApiObject;
  /** By the simulation's clock. */
  readonly at: number;
}

interface Watch {
  readonly plural: string;
  /** The version up to which it has been served. */
  seen: number;
  /** It is served again when the next change is old enough. */
  waits: boolean;
  readonly write: (line: object) => void;
  readonly end: () => void;
}

interface TokenSpec {
  readonly audiences: readonly string[];
  readonly expirationSeconds: number;
  readonly boundObjectRef: { readonly name: string; readonly uid: string };
}

interface Collection {
  readonly objects: Map<string, ApiObject>;
  changes: Change[];
}

/** How late `lags` is. */
const lagMs = 8_000;
/** As kube-apiserver sends them before a watch's end. */
const bookmarkBeforeEndMs = 2_000;
const changesKept = 400;
const encoder = new TextEncoder();

export class SimulatedApi {
  readonly #clock: VirtualClock;
  readonly #collections = new Map<string, Collection>();
  readonly #watches = new Set<Watch>();
  /** Snapshots that pages continue, by token. */
  readonly #pages = new Map<string, { items: readonly ApiObject[]; version: number }>();
  #mood: ApiMood = "well";
  #version = 1_000;
  #oldest = 1_000;
  #tokens = 0;
  /** Watches aren't shown deletions; lists and new watches' starting points don't have them. */
  hidesDeletions = false;
  /** Lists and watches answered, for the figures. */
  answers = 0;

  constructor(clock: VirtualClock) {
    this.#clock = clock;
  }

  get mood(): ApiMood {
    return this.#mood;
  }

  set mood(mood: ApiMood) {
    this.#mood = mood;
    if (mood !== "silent") this.#flush();
  }

  get isWell(): boolean {
    return this.#mood === "well" && !this.hidesDeletions;
  }

  objects(plural: string): readonly ApiObject[] {
    return [...this.#collection(plural).objects.values()];
  }

  object(plural: string, key: string): ApiObject | undefined {
    return this.#collection(plural).objects.get(key);
  }

  put(plural: string, object: ApiObject): void {
    const { objects } = this.#collection(plural);
    const key = keyOf(plural, object);
    const version = ++this.#version;
    const held = {
      ...object,
      metadata: { ...object.metadata, resourceVersion: String(version) },
    };
    const type = objects.has(key) ? "MODIFIED" : "ADDED";
    objects.set(key, held);
    this.#changed(plural, { version, type, object: held, at: this.#clock.time });
  }

  remove(plural: string, key: string): void {
    const { objects } = this.#collection(plural);
    const object = objects.get(key);
    if (object === undefined) return;
    objects.delete(key);
    const version = ++this.#version;
    const last = {
      ...object,
      metadata: { ...object.metadata, resourceVersion: String(version) },
    };
    if (this.hidesDeletions) return;
    this.#changed(plural, { version, type: "DELETED", object: last, at: this.#clock.time });
  }

  /** Compacts its history: watches from before get 410. */
  forget(): void {
    this.#oldest = ++this.#version;
    this.#pages.clear();
    for (const collection of this.#collections.values()) collection.changes = [];
    const gone = { kind: "Status", code: 410, message: "too old resource version" };
    for (const watch of [...this.#watches]) {
      watch.write({ type: "ERROR", object: gone });
      watch.end();
    }
  }

  /** Every watch ends in the middle of a line. */
  cutWatches(): void {
    for (const watch of [...this.#watches]) watch.end();
  }

  answer(request: Request): Promise<Response> | Response {
    if (this.#mood === "silent") return new Promise(() => {});
    if (this.#mood === "fails") return status(500, "etcdserver: leader changed");
    if (this.#mood === "throttles") return status(429, "too many requests", { "retry-after": "1" });
    this.answers++;
    const { pathname, searchParams } = new URL(request.url);
    const named = /\/namespaces\/([^/]+)\/(secrets|configmaps)\/([^/]+)$/.exec(pathname);
    if (named !== null) {
      const [, namespace, kinds, name] = named;
      const key = `${namespace}/${name}`;
      return request.method === "GET" ? this.#get(kinds!, key) : this.#apply(kinds!, key, request);
    }
    const account = /\/namespaces\/([^/]+)\/serviceaccounts\/([^/]+)\/token$/.exec(pathname);
    if (account !== null) return this.#token(account[1]!, account[2]!, request);
    const plural = pathname.split("/").at(-1)!;
    if (request.method === "POST") return this.#review(request);
    if (searchParams.has("watch")) return this.#watch(plural, searchParams);
    return this.#list(plural, searchParams);
  }

  #get(plural: string, key: string): Response {
    const object = this.object(plural, key);
    return object === undefined ? status(404, "not found") : json(object);
  }

  /** Server-side apply: an update of what was read, or a creation that overwrites nothing. */
  async #apply(plural: string, key: string, request: Request): Promise<Response> {
    const object = await request.json() as ApiObject;
    const there = this.object(plural, key)?.metadata.resourceVersion;
    if (object.metadata.resourceVersion !== there) return status(409, "it has changed");
    this.put(plural, object);
    return json(this.object(plural, key)!);
  }

  #collection(plural: string): Collection {
    const known = this.#collections.get(plural);
    if (known !== undefined) return known;
    const made: Collection = { objects: new Map(), changes: [] };
    this.#collections.set(plural, made);
    return made;
  }

  #changed(plural: string, change: Change): void {
    const collection = this.#collection(plural);
    collection.changes.push(change);
    if (collection.changes.length > changesKept) {
      this.#oldest = Math.max(this.#oldest, collection.changes.shift()!.version);
    }
    this.#flush();
  }

  #flush(): void {
    for (const watch of this.#watches) this.#serve(watch);
  }

  #serve(watch: Watch): void {
    if (this.#mood === "silent") return;
    const lateMs = this.#mood === "lags" ? lagMs : 0;
    for (const change of this.#collection(watch.plural).changes) {
      if (change.version <= watch.seen) continue;
      const dueMs = change.at + lateMs - this.#clock.time;
      if (dueMs > 0) return this.#serveLater(watch, dueMs);
      watch.seen = change.version;
      watch.write({ type: change.type, object: change.object });
    }
  }

  #serveLater(watch: Watch, ms: number): void {
    if (watch.waits) return;
    watch.waits = true;
    this.#clock.after(ms, () => {
      watch.waits = false;
      if (this.#watches.has(watch)) this.#serve(watch);
    });
  }

  #list(plural: string, query: URLSearchParams): Response {
    const selected = query.get("fieldSelector");
    if (selected !== null) return this.#select(plural, selected);
    const limit = Number(query.get("limit") ?? Infinity);
    const token = query.get("continue");
    const [name, from] = token?.split(":") ?? ["", "0"];
    const snapshot = token === null
      ? { items: this.objects(plural), version: this.#version }
      : this.#pages.get(name!);
    if (snapshot === undefined) return status(410, "the continue token has expired");
    const end = Number(from) + limit;
    const kept = token === null ? String(++this.#tokens) : name!;
    if (end < snapshot.items.length) this.#pages.set(kept, snapshot);
    else this.#pages.delete(kept);
    return json({
      kind: "List",
      metadata: {
        resourceVersion: String(snapshot.version),
        ...end < snapshot.items.length && { continue: `${kept}:${end}` },
      },
      items: snapshot.items.slice(Number(from), end),
    });
  }

  /** `spec.nodeName=N,status.podIP=A` */
  #select(plural: string, selector: string): Response {
    const wanted = selector.split(",").map((one) => one.split("=") as [string, string]);
    const items = this.objects(plural).filter((object) =>
      wanted.every(([path, value]) => {
        const [part, field] = path.split(".") as ["spec" | "status", string];
        return object[part]?.[field] === value;
      })
    );
    return json({ kind: "List", metadata: { resourceVersion: String(this.#version) }, items });
  }

  #watch(plural: string, query: URLSearchParams): Response {
    const from = Number(query.get("resourceVersion"));
    const ms = Number(query.get("timeoutSeconds")) * 1000;
    let cancel = () => {};
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        const write = (line: object) =>
          controller.enqueue(encoder.encode(`${JSON.stringify(line)}\n`));
        const watch: Watch = {
          plural,
          seen: from,
          waits: false,
          write,
          end: () => {
            if (!this.#watches.delete(watch)) return;
            cancel();
            controller.close();
          },
        };
        this.#watches.add(watch);
        const bookmark = this.#clock.after(ms - bookmarkBeforeEndMs, () => {
          if (this.#mood !== "well") return;
          const metadata = { resourceVersion: String(watch.seen), name: "" };
          write({ type: "BOOKMARK", object: { kind: "Pod", metadata } });
        });
        // One that is silent doesn't end its watches either.
        const end = this.#clock.after(ms, () => this.#mood === "silent" || watch.end());
        cancel = () => {
          bookmark();
          end();
          this.#watches.delete(watch);
        };
        if (from < this.#oldest) {
          const gone = { kind: "Status", code: 410, message: "too old resource version" };
          write({ type: "ERROR", object: gone });
          watch.end();
        } else this.#serve(watch);
      },
      cancel: () => cancel(),
    });
    return new Response(body, { headers: { "content-type": "application/json" } });
  }

  /** A token of the ServiceAccount, bound to one of its pods, which must be there. */
  async #token(namespace: string, name: string, request: Request): Promise<Response> {
    const { spec } = await request.json() as { spec: TokenSpec };
    const { audiences, expirationSeconds, boundObjectRef } = spec;
    const pod = this.object("pods", boundObjectRef.uid);
    if (pod === undefined || this.object("serviceaccounts", `${namespace}/${name}`) === undefined) {
      return status(404, "not found");
    }
    const isItsPod = pod.metadata.namespace === namespace &&
      pod.metadata.name === boundObjectRef.name && pod.spec?.["serviceAccountName"] === name;
    if (!isItsPod) return status(400, "cannot bind token to this pod");
    const exp = Math.floor(this.#clock.now() / 1000) + expirationSeconds;
    const sub = `system:serviceaccount:${namespace}:${name}`;
    return json({ status: { token: jwt({ aud: audiences, exp, sub }) } });
  }

  /** A token says which pod it is bound to; it holds as long as that pod is there. */
  async #review(request: Request): Promise<Response> {
    const { spec } = await request.json() as { spec: { token: string; audiences: string[] } };
    const claims = claimsOf<{ exp: number; uid: string }>(spec.token);
    const pod = this.object("pods", claims.uid);
    if (pod === undefined || claims.exp * 1000 <= this.#clock.now()) {
      return json({ status: { authenticated: false, error: "invalid bearer token" } });
    }
    const { name, namespace } = pod.metadata;
    const prefix = "authentication.kubernetes.io";
    return json({
      status: {
        authenticated: true,
        audiences: spec.audiences,
        user: {
          username: `system:serviceaccount:${namespace}:${pod.spec!["serviceAccountName"]}`,
          groups: ["system:serviceaccounts"],
          extra: {
            [`${prefix}/pod-name`]: [name],
            [`${prefix}/pod-uid`]: [claims.uid],
            [`${prefix}/node-name`]: [pod.spec!["nodeName"]],
          },
        },
      },
    });
  }
}

function keyOf(plural: string, { metadata }: ApiObject): string {
  if (plural === "pods") return metadata.uid!;
  return plural === "namespaces" ? metadata.name : `${metadata.namespace}/${metadata.name}`;
}

function json(body: object): Response {
  return new Response(JSON.stringify(body), { headers: { "content-type": "application/json" } });
}

function status(code: number, message: string, headers: Record<string, string> = {}): Response {
  const body = JSON.stringify({ kind: "Status", code, message });
  return new Response(body, { status: code, headers });
}

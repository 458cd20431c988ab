/**
 * A fake Kubernetes API over HTTP that lists and watches pods, with the failures of a real one: it
 * falls silent, refuses, forgets its history, cuts lines, and lies.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { PodFacts } from "../../src/policy/facts.ts";
import { type ApiObject, podObject } from "./api_objects.ts";

type EventType = "ADDED" | "MODIFIED" | "DELETED";

interface Event {
  readonly version: number;
  readonly type: EventType;
  readonly object: ApiObject;
}

interface Watcher {
  readonly resource: string;
  readonly response: ServerResponse;
}

interface FakeApiServerOptions {
  /** The items of each other collection, by its last path segment. */
  readonly fixed: Readonly<Record<string, readonly ApiObject[]>>;
  /** The `user` of every token's review. */
  readonly user: object;
}

/** `silent` answers nothing; `html` is a page with status 200, as some proxies answer. */
export type ApiMood = "well" | "silent" | "fails" | "throttles" | "html";

const refusals: Readonly<Record<string, readonly [status: number, body: string]>> = {
  fails: [500, '{"kind":"Status","code":500,"message":"etcdserver: leader changed"}'],
  throttles: [429, '{"kind":"Status","code":429,"message":"too many requests"}'],
  html: [200, "<html><body>Sign in</body></html>"],
};
const eventsKept = 2000;

export class FakeApiServer {
  #mood: ApiMood = "well";
  readonly #options: FakeApiServerOptions;
  readonly #pods = new Map<string, ApiObject>();
  readonly #watchers = new Set<Watcher>();
  #log: Event[] = [];
  #version = 1;
  #oldest = 1;
  readonly #server = createServer((request, response) => {
    // A client that was cut off midway.
    this.#answer(request, response).catch(() => response.destroy());
  });

  constructor(options: FakeApiServerOptions) {
    this.#options = options;
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  /** Watches that are opened again receive the events from the silence. */
  set mood(mood: ApiMood) {
    const wasSilent = this.#mood === "silent";
    this.#mood = mood;
    if (wasSilent) this.#server.closeAllConnections();
  }

  upsert(pod: PodFacts): void {
    const version = ++this.#version;
    const type = this.#pods.has(pod.uid) ? "MODIFIED" : "ADDED";
    this.#pods.set(pod.uid, podObject(pod, version));
    this.#send({ version, type, object: podObject(pod, version) });
  }

  remove(uid: string): void {
    const object = this.#pods.get(uid);
    this.#pods.delete(uid);
    if (object) this.#send({ version: ++this.#version, type: "DELETED", object });
  }

  /** A false event, perhaps of an old version; lists stay true. */
  lie(type: EventType, pod: PodFacts, version = ++this.#version): void {
    this.#send({ version, type, object: podObject(pod, version) });
  }

  /** Whether somebody watches that collection. */
  watching(resource: string): boolean {
    return [...this.#watchers].some((watcher) => watcher.resource === resource);
  }

  /** Any text in the middle of every pod watch. */
  babble(text: string): void {
    for (const { resource, response } of this.#watchers) {
      if (resource === "pods") response.write(text);
    }
  }

  /** Every connection ends, in the middle of a line. */
  cut(): void {
    this.babble('{"type":"MODIFIED","object":{"kind":"Pod","metadata":{"na');
    this.#server.closeAllConnections();
  }

  /** Forgets its history, so that watches have to relist. */
  forget(): void {
    this.#log = [];
    this.#oldest = ++this.#version;
    const status = { kind: "Status", code: 410, message: "too old resource version" };
    for (const { response } of [...this.#watchers]) {
      response.end(`${JSON.stringify({ type: "ERROR", object: status })}\n`);
    }
  }

  #send(event: Event): void {
    this.#log.push(event);
    if (this.#log.length > eventsKept) this.#oldest = this.#log.shift()!.version;
    if (this.#mood === "silent") return;
    for (const { resource, response } of this.#watchers) {
      if (resource === "pods") response.write(lineOf(event));
    }
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.on("error", () => {});
    const { pathname, searchParams } = new URL(request.url ?? "/", "http://api");
    let body = "";
    for await (const chunk of request) body += chunk;
    if (this.#mood === "silent") return;
    const refusal = refusals[this.#mood];
    if (refusal) return send(response, ...refusal);
    const resource = pathname.split("/").at(-1) ?? "";
    if (request.method === "POST") return send(response, 201, this.#posted(resource));
    const items = resource === "pods" ? [...this.#pods.values()] : this.#options.fixed[resource];
    if (!items) return send(response, 404, '{"kind":"Status","code":404,"message":"not found"}');
    if (searchParams.has("watch")) return this.#watch(resource, searchParams, response);
    const metadata = { resourceVersion: String(this.#version) };
    send(response, 200, JSON.stringify({ kind: "List", metadata, items }));
  }

  #posted(resource: string): string {
    if (resource !== "tokenreviews") return "{}";
    const { user } = this.#options;
    return JSON.stringify({
      status: { authenticated: true, audiences: ["rolecall-server"], user },
    });
  }

  #watch(resource: string, query: URLSearchParams, response: ServerResponse): void {
    const from = Number(query.get("resourceVersion"));
    response.writeHead(200, { "Content-Type": "application/json" });
    const watcher = { resource, response };
    this.#watchers.add(watcher);
    if (resource === "pods" && from < this.#oldest) {
      this.#watchers.delete(watcher);
      const status = { kind: "Status", code: 410, message: "too old resource version" };
      return void response.end(`${JSON.stringify({ type: "ERROR", object: status })}\n`);
    }
    const missed = resource === "pods" ? this.#log.filter(({ version }) => version > from) : [];
    for (const event of missed) response.write(lineOf(event));
    if (missed.length === 0) response.flushHeaders();
    const seconds = Number(query.get("timeoutSeconds"));
    const timer = setTimeout(() => this.#mood === "silent" || response.end(), seconds * 1000);
    response.once("close", () => {
      clearTimeout(timer);
      this.#watchers.delete(watcher);
    });
  }
}

function lineOf({ type, object }: Event): string {
  return `${JSON.stringify({ type, object })}\n`;
}

function send(response: ServerResponse, status: number, body: string): void {
  response.writeHead(status, { "Content-Type": "application/json", "Retry-After": "1" });
  response.end(body);
}

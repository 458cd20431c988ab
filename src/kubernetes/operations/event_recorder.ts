/**
 * Events on objects, as `kubectl describe` shows them (core/v1). A repeated event increments the count
 * of the existing one. Callers decide when to record.
 */
import { createHash } from "node:crypto";
import type { CoreV1Event } from "@kubernetes/client-node";
import { LRUCache } from "lru-cache";
import { atMost } from "../../time/expiring_cache.ts";
import { instant } from "../../time/instant.ts";
import type { KubernetesApi } from "../client/api.ts";
import { ApiFault } from "../client/api_fault.ts";
import type { Clock } from "../../time/clock.ts";
import { oneLine } from "../../telemetry/fault.ts";

interface EventSubject {
  readonly kind: "Pod" | "Namespace";
  readonly name: string;
  /** The pod's; a namespace's own name. */
  readonly namespace: string;
  readonly uid?: string;
}

export interface ObjectEvent {
  readonly subject: EventSubject;
  readonly type: "Normal" | "Warning";
  /** Such as `RoleDenied`. */
  readonly reason: string;
  readonly message: string;
}

interface EventRecorderOptions {
  readonly api: Pick<KubernetesApi, "json">;
  readonly clock: Clock;
  /** The event's source. */
  readonly component: string;
  /** This replica, such as its pod's name. */
  readonly instance: string;
}

/** A CoreV1Event as JSON: client-node's class has its times as Date. */
type EventBody = Omit<CoreV1Event, "firstTimestamp" | "lastTimestamp"> & {
  readonly firstTimestamp: string;
  readonly lastTimestamp: string;
};

export class EventRecorder {
  readonly #options: EventRecorderOptions;
  /** By name. The API server drops its own events after an hour. */
  readonly #counts = new LRUCache<string, number>(atMost(5_000));

  constructor(options: EventRecorderOptions) {
    this.#options = options;
  }

  /** @throws {ApiFault} `api_not_found` and `api_forbidden` if the namespace is being deleted */
  async record(event: ObjectEvent): Promise<void> {
    const name = eventName(event);
    const count = this.#counts.get(name);
    if (count !== undefined && await this.#repeat(event, name, count + 1)) return;
    await this.#create(event, name);
  }

  async #create(event: ObjectEvent, name: string): Promise<void> {
    try {
      await this.#options.api.json({
        action: "create events",
        method: "POST",
        path: collection(event),
        body: this.#body(event, name),
      });
      this.#counts.set(name, 1);
    } catch (fault) {
      if (!(fault instanceof ApiFault) || fault.code !== "api_conflict") throw fault;
      // Another replica, or this one before a restart, created it: the response has its count.
      this.#counts.set(name, countOf(await this.#patch(event, name, {})));
    }
  }

  /** False if the API has dropped it. */
  async #repeat(event: ObjectEvent, name: string, count: number): Promise<boolean> {
    this.#counts.set(name, count);
    try {
      await this.#patch(event, name, { count });
      return true;
    } catch (fault) {
      if (fault instanceof ApiFault && fault.code === "api_not_found") return false;
      throw fault;
    }
  }

  #patch(event: ObjectEvent, name: string, fields: Pick<EventBody, "count">): Promise<unknown> {
    return this.#options.api.json({
      action: "patch events",
      method: "PATCH",
      path: `${collection(event)}/${name}`,
      contentType: "application/merge-patch+json",
      body: { ...fields, lastTimestamp: this.#now() },
    });
  }

  #body({ subject, type, reason, message }: ObjectEvent, name: string): EventBody {
    const { component, instance } = this.#options;
    const now = this.#now();
    return {
      apiVersion: "v1",
      kind: "Event",
      metadata: { name, namespace: subject.namespace },
      involvedObject: { apiVersion: "v1", ...subject },
      type,
      reason,
      message: boundedMessage(message),
      source: { component },
      reportingComponent: component,
      reportingInstance: instance,
      firstTimestamp: now,
      lastTimestamp: now,
      count: 1,
    };
  }

  #now(): string {
    return instant(this.#options.clock.now());
  }
}

function collection({ subject }: ObjectEvent): string {
  return `/api/v1/namespaces/${encodeURIComponent(subject.namespace)}/events`;
}

/** The same for equal events in every replica, so that they share one object. */
function eventName({ subject, type, reason, message }: ObjectEvent): string {
  const text = JSON.stringify([subject.kind, subject.uid ?? "", type, reason, message]);
  const hash = createHash("sha256").update(text).digest("hex").slice(0, 16);
  return `${subject.name.slice(0, 230).replace(/[.-]+$/, "")}.${hash}`;
}

function countOf(event: unknown): number {
  const { count } = (event ?? {}) as { count?: unknown };
  return typeof count === "number" ? count : 1;
}

/** The API accepts 1024 bytes. */
function boundedMessage(message: string): string {
  const line = oneLine(message, 1024);
  return new TextEncoder().encode(line).length <= 1024 ? line : line.slice(0, 250);
}

/**
 * Events on objects, as `kubectl describe` shows them (core/v1). The same event again raises the
 * count of the one that is there. When to speak is the caller's decision.
 */
import type { KubernetesApi } from "../client/api.ts";
import { ApiFault, oneLine } from "../client/api_fault.ts";
import type { Clock } from "../ports.ts";

export interface EventSubject {
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

export interface EventRecorderOptions {
  readonly api: Pick<KubernetesApi, "json">;
  readonly clock: Clock;
  /** Shown as the event's source. */
  readonly component: string;
  /** Which replica, such as its pod's name. */
  readonly instance: string;
}

interface Recorded {
  readonly name: string;
  count: number;
}

/** So many events are remembered for their counts; the API forgets its own after an hour. */
const MAX_REMEMBERED = 5_000;

export class EventRecorder {
  readonly #options: EventRecorderOptions;
  readonly #recorded = new Map<string, Recorded>();

  constructor(options: EventRecorderOptions) {
    this.#options = options;
  }

  /** @throws {ApiFault} not recorded; `api_not_found` and `api_forbidden` where the namespace ends */
  async record(event: ObjectEvent): Promise<void> {
    const name = await eventName(event);
    const known = this.#recorded.get(name);
    if (known && await this.#again(event, known)) return;
    await this.#first(event, name);
  }

  async #first(event: ObjectEvent, name: string): Promise<void> {
    try {
      await this.#options.api.json({
        action: "create events",
        method: "POST",
        path: collection(event),
        body: this.#object(event, name),
      });
      this.#remember(name, 1);
    } catch (thrown) {
      if (!(thrown instanceof ApiFault) || thrown.code !== "api_conflict") throw thrown;
      // Another replica, or this one before a restart, wrote it: the answer tells its count.
      const found = await this.#patch(event, name, {});
      this.#remember(name, countOf(found));
    }
  }

  /** False where the API has forgotten it. */
  async #again(event: ObjectEvent, known: Recorded): Promise<boolean> {
    known.count++;
    try {
      await this.#patch(event, known.name, { count: known.count });
      return true;
    } catch (thrown) {
      if (thrown instanceof ApiFault && thrown.code === "api_not_found") return false;
      throw thrown;
    }
  }

  #patch(event: ObjectEvent, name: string, fields: { count?: number }): Promise<unknown> {
    return this.#options.api.json({
      action: "patch events",
      method: "PATCH",
      path: `${collection(event)}/${name}`,
      contentType: "application/merge-patch+json",
      body: { ...fields, lastTimestamp: this.#now() },
    });
  }

  #object({ subject, type, reason, message }: ObjectEvent, name: string): object {
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
    return new Date(this.#options.clock.now()).toISOString().replace(/\.\d+Z$/, "Z");
  }

  #remember(name: string, count: number): void {
    this.#recorded.delete(name);
    this.#recorded.set(name, { name, count });
    if (this.#recorded.size <= MAX_REMEMBERED) return;
    const oldest = this.#recorded.keys().next().value;
    if (oldest !== undefined) this.#recorded.delete(oldest);
  }
}

function collection({ subject }: ObjectEvent): string {
  return `/api/v1/namespaces/${encodeURIComponent(subject.namespace)}/events`;
}

/** The same for the same event, in every replica, so that they meet in one object. */
async function eventName({ subject, type, reason, message }: ObjectEvent): Promise<string> {
  const text = JSON.stringify([subject.kind, subject.uid ?? "", type, reason, message]);
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  const hash = Array.from(
    new Uint8Array(digest, 0, 8),
    (byte) => byte.toString(16).padStart(2, "0"),
  );
  return `${subject.name.slice(0, 230).replace(/[.-]+$/, "")}.${hash.join("")}`;
}

function countOf(event: unknown): number {
  const { count } = (event ?? {}) as { count?: unknown };
  return typeof count === "number" ? count : 1;
}

/** The API takes 1024 bytes. */
function boundedMessage(message: string): string {
  const line = oneLine(message, 1024);
  return new TextEncoder().encode(line).length <= 1024 ? line : line.slice(0, 250);
}

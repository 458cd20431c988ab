/**
 * Kubernetes Events about roles, on pods and namespaces: deduplicated and rate-limited, and sent in
 * the background.
 */
import { type ExpiringCache, expiringCache } from "../../time/expiring_cache.ts";
import type { PodFacts } from "../../policy/facts.ts";
import type { Log } from "../../telemetry/log.ts";
import type { Clock } from "../../time/clock.ts";
import { RateLimit } from "../../time/rate_limit.ts";

const perSecond = 5;
const burst = 25;
const maxQueued = 1_000;
const maxRemembered = 20_000;
/** The API server keeps Events for an hour by default; one that still holds is repeated after six. */
const repeatAfterMs = 6 * 3_600_000;

export type EventReason =
  | "RoleDenied"
  | "RoleInvalid"
  | "CredentialsFailed"
  | "CredentialsReady"
  | "PermittedInvalid";

export interface ObjectEvent {
  readonly subject: {
    readonly kind: "Pod" | "Namespace";
    readonly name: string;
    /** For a namespace its own name, so that people who can read only it see the Event. */
    readonly namespace: string;
    readonly uid?: string;
  };
  readonly type: "Normal" | "Warning";
  readonly reason: EventReason;
  readonly message: string;
}

/** Creates an Event. If another replica has already created the same one, that is a success. */
export type EventSink = (event: ObjectEvent) => Promise<void>;

export type EventOutcome = "sent" | "failed" | "dropped";

interface ObjectEventsOptions {
  readonly sink: EventSink;
  readonly clock: Clock;
  readonly log: Log;
  readonly counted: (outcome: EventOutcome) => void;
  /** Whether the namespace is gone or being deleted: the API server accepts no Events in it. */
  readonly isEnding: (namespace: string) => boolean;
}

export class ObjectEvents {
  readonly #options: ObjectEventsOptions;
  readonly #rate = new RateLimit({ perSecond, burst, maxKeys: 1 });
  readonly #sent: ExpiringCache<true>;
  #queue: ObjectEvent[] = [];
  #cancelTimer: (() => void) | undefined;

  constructor(options: ObjectEventsOptions) {
    this.#options = options;
    const now = () => options.clock.monotonic();
    this.#sent = expiringCache({ max: maxRemembered, ttlMs: repeatAfterMs, now });
  }

  onPod({ namespace, name, uid }: PodFacts, reason: EventReason, message: string): void {
    const type = reason === "CredentialsReady" ? "Normal" : "Warning";
    if (type === "Normal") this.#withdraw(uid);
    this.#add({ subject: { kind: "Pod", name, namespace, uid }, type, reason, message });
  }

  onNamespace(name: string, reason: EventReason, message: string): void {
    const subject = { kind: "Namespace" as const, name, namespace: name };
    this.#add({ subject, type: "Warning", reason, message });
  }

  close(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#queue = [];
  }

  #add(event: ObjectEvent): void {
    const key = keyOf(event);
    if (this.#sent.has(key)) return;
    if (this.#queue.length >= maxQueued) return this.#options.counted("dropped");
    this.#sent.set(key, true);
    this.#queue.push(event);
    this.#send();
  }

  /** Drops what hasn't been sent about a pod: it no longer holds. */
  #withdraw(uid: string): void {
    this.#queue = this.#queue.filter((event) => {
      if (event.subject.uid !== uid) return true;
      this.#sent.delete(keyOf(event));
      return false;
    });
  }

  #admits(): boolean {
    return this.#rate.admits("events", this.#options.clock.monotonic());
  }

  #send(): void {
    const { sink, counted, isEnding } = this.#options;
    this.#queue = this.#queue.filter(({ subject }) => !isEnding(subject.namespace));
    while (this.#queue.length > 0 && this.#admits()) {
      const event = this.#queue.shift()!;
      sink(event).then(() => counted("sent"), (cause) => this.#failed(event, cause));
    }
    if (this.#queue.length === 0 || this.#cancelTimer !== undefined) return;
    this.#cancelTimer = this.#options.clock.after(1000 / perSecond, () => {
      this.#cancelTimer = undefined;
      this.#send();
    });
  }

  /** It wasn't created, so the next occasion sends it again. */
  #failed(event: ObjectEvent, cause: unknown): void {
    this.#sent.delete(keyOf(event));
    const { log, counted, isEnding } = this.#options;
    const { reason, subject: { namespace, name } } = event;
    if (isEnding(namespace)) return;
    counted("failed");
    log.warn({ reason, namespace, name, error: String(cause) }, "event not created");
  }
}

function keyOf(event: ObjectEvent): string {
  return JSON.stringify(event);
}

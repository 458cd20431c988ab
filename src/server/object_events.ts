/**
 * Events that tell people about a pod's role, on the pod; never the same twice within hours, and
 * never more than the Events API should bear. The server doesn't wait for them.
 */
import { createHash } from "node:crypto";
import type { PodFacts } from "../policy/facts.ts";
import { type Clock, type Log } from "./ports.ts";
import { RateLimit } from "./rate_limit.ts";

const perSecond = 5;
const burst = 25;
const maxQueued = 1_000;
const maxRemembered = 20_000;
/** The API server keeps Events for an hour by default; what still holds is told again after six. */
const toldAgainMs = 6 * 3_600_000;

export type EventReason =
  | "RoleDenied"
  | "RoleInvalid"
  | "CredentialsFailed"
  | "CredentialsReady"
  | "PermittedInvalid";

/** An Event of the core API, as far as it differs from its like. */
export interface ObjectEvent {
  /**
   * Made from all that is told, so that a second replica's attempt to create it meets one that is
   * there already (409): to the sink that is success.
   */
  readonly name: string;
  readonly regarding: {
    readonly kind: "Pod" | "Namespace";
    /** A Namespace's own name, so that those who read only their namespace see it. */
    readonly namespace: string;
    readonly name: string;
    readonly uid: string | null;
  };
  readonly type: "Normal" | "Warning";
  readonly reason: EventReason;
  readonly message: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/** Creates an Event; an Event of that name already there is success. */
export type EventSink = (event: ObjectEvent) => Promise<void>;

export type EventOutcome = "sent" | "failed" | "dropped";

export class ObjectEvents {
  readonly #sink: EventSink;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #counted: (outcome: EventOutcome) => void;
  readonly #rate: RateLimit;
  readonly #toldUntil = new Map<string, number>();
  #queue: ObjectEvent[] = [];
  #cancelTimer: (() => void) | undefined;

  constructor(parts: {
    sink: EventSink;
    clock: Clock;
    log: Log;
    counted: (outcome: EventOutcome) => void;
  }) {
    this.#sink = parts.sink;
    this.#clock = parts.clock;
    this.#log = parts.log;
    this.#counted = parts.counted;
    this.#rate = new RateLimit(parts.clock, { perSecond, burst, maxKeys: 1 });
  }

  onPod(pod: PodFacts, reason: EventReason, message: string): void {
    const { namespace, name, uid } = pod;
    this.#tell({ kind: "Pod", namespace, name, uid }, reason, message);
  }

  onNamespace(name: string, reason: EventReason, message: string): void {
    this.#tell({ kind: "Namespace", namespace: name, name, uid: null }, reason, message);
  }

  close(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#queue = [];
  }

  #tell(regarding: ObjectEvent["regarding"], reason: EventReason, message: string): void {
    const at = this.#clock.now();
    // One CredentialsReady a pod, whichever credentials they are.
    const told = reason === "CredentialsReady" ? "" : message;
    const name = eventName(regarding, reason, told);
    if ((this.#toldUntil.get(name) ?? 0) > at) return;
    if (this.#queue.length >= maxQueued) return this.#counted("dropped");
    this.#remember(name, at + toldAgainMs);
    const type = reason === "CredentialsReady" ? "Normal" : "Warning";
    this.#queue.push({ name, regarding, type, reason, message, at });
    this.#send();
  }

  #remember(name: string, until: number): void {
    this.#toldUntil.delete(name);
    this.#toldUntil.set(name, until);
    if (this.#toldUntil.size <= maxRemembered) return;
    this.#toldUntil.delete(this.#toldUntil.keys().next().value!);
  }

  #send(): void {
    while (this.#queue.length > 0 && this.#rate.take("events")) {
      const event = this.#queue.shift()!;
      this.#sink(event).then(() => this.#counted("sent"), (cause) => this.#failed(event, cause));
    }
    if (this.#queue.length === 0 || this.#cancelTimer !== undefined) return;
    this.#cancelTimer = this.#clock.after(1000 / perSecond, () => {
      this.#cancelTimer = undefined;
      this.#send();
    });
  }

  #failed(event: ObjectEvent, cause: unknown): void {
    this.#counted("failed");
    const { reason, regarding: { namespace, name } } = event;
    this.#log.warn({ reason, namespace, name, error: String(cause) }, "event not created");
  }
}

/** `NAME.HASH`: a DNS subdomain, as Events need, the same for the same words on the same object. */
function eventName(
  regarding: ObjectEvent["regarding"],
  reason: EventReason,
  message: string,
): string {
  const told = JSON.stringify([regarding.kind, regarding.uid, regarding.name, reason, message]);
  const hash = createHash("sha256").update(told).digest("hex").slice(0, 16);
  return `${regarding.name.slice(0, 200).replace(/[^a-z0-9]+$/, "")}.${hash}`;
}

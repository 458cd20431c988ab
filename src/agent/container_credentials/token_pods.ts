/**
 * Which pod a ServiceAccount token belongs to. The server checks tokens; a result is cached under the
 * token's hash, and counts only while the pod is assigned to this node.
 */
import { createHash } from "node:crypto";
import { LRUCache } from "lru-cache";
import { withDeadline } from "../../time/deadline.ts";
import { atMost } from "../../time/expiring_cache.ts";
import { RateLimit } from "../../time/rate_limit.ts";
import type { Clock } from "../ports.ts";
import { serverToken } from "../server_client/server_token.ts";

/** Checked again after this, so that a token that the API has revoked ends soon. */
const freshMs = 60_000;
/** Most SDKs give a request one second. */
const checkMs = 900;
/** Of one address; twice that at once. */
const checksPerSecond = 20;
const maxChecksInFlight = 32;
const maxCached = 1000;
/** A ServiceAccount token has about 1,200 characters; the server takes 16 KiB. */
const maxTokenLength = 8192;

/** `unchecked`: no server can be reached, and no cached result applies. */
export type TokenVerdict =
  | { readonly kind: "pod"; readonly uid: string }
  | { readonly kind: "refused" }
  | { readonly kind: "unchecked" }
  | { readonly kind: "flooded" };

export type CheckOutcome = "verified" | "refused" | "unavailable";

interface TokenPodsOptions {
  readonly clock: Clock;
  /** Sends the body to a server (`POST /v1/pod-tokens`). Rejects while none can be reached. */
  readonly send: (body: string) => Promise<Response>;
  /** Whether the pod is assigned to this node now. */
  readonly isAssigned: (uid: string) => boolean;
  /** Called after each check by the server. */
  readonly checked?: (outcome: CheckOutcome) => void;
}

interface Checked {
  readonly uid: string;
  /** By the monotonic clock. */
  readonly checkedAt: number;
  /** When the token expires, milliseconds since the epoch. */
  readonly expiresAt: number;
}

/** A well-formed token that hasn't expired by this node's clock. */
interface Shown {
  readonly text: string;
  readonly key: string;
  readonly expiresAt: number;
}

export class TokenPods {
  readonly #options: TokenPodsOptions;
  readonly #cached = new LRUCache<string, Checked>(atMost(maxCached));
  readonly #inFlight = new Map<string, Promise<TokenVerdict>>();
  readonly #checks = new RateLimit({ perSecond: checksPerSecond });

  constructor(options: TokenPodsOptions) {
    this.#options = options;
  }

  /**
   * Within 0.9 s; never rejects. A result is good for a minute, and until the token expires while no
   * server can be reached: the agent's knowledge of the pod ends before, with `--disconnected-grace`.
   */
  async podOf(token: string, peer: string): Promise<TokenVerdict> {
    const shown = this.#read(token);
    if (shown === undefined) return { kind: "refused" };
    const known = this.#recall(shown);
    if (known && this.#options.clock.monotonic() - known.checkedAt < freshMs) return podIs(known);
    const verdict = await this.#check(shown, peer);
    if (verdict.kind === "pod" || verdict.kind === "refused") return verdict;
    const still = this.#recall(shown);
    return still ? podIs(still) : verdict;
  }

  #read(text: string): Shown | undefined {
    if (text.length > maxTokenLength || text.split(".").length !== 3) return undefined;
    const token = serverToken(text);
    const expiresAt = token?.expiresAt ?? 0;
    if (token === undefined || expiresAt <= this.#options.clock.now()) return undefined;
    return { text: token.text, key: hashOf(token.text), expiresAt };
  }

  /** Whatever was cached, a pod that has left this node no longer has a token. */
  #recall({ key }: Shown): Checked | undefined {
    const known = this.#cached.get(key);
    if (known === undefined) return undefined;
    if (known.expiresAt > this.#options.clock.now() && this.#options.isAssigned(known.uid)) {
      return known;
    }
    this.#cached.delete(key);
    return undefined;
  }

  #check(shown: Shown, peer: string): Promise<TokenVerdict> | TokenVerdict {
    const inFlight = this.#inFlight.get(shown.key);
    if (inFlight) return inFlight;
    const { clock } = this.#options;
    if (!this.#checks.admits(peer, clock.monotonic())) return { kind: "flooded" };
    if (this.#inFlight.size >= maxChecksInFlight) return { kind: "unchecked" };
    const check = withDeadline({ clock, ms: checkMs }, () => this.#checkNow(shown))
      .catch(() => ({ kind: "unchecked" } as const))
      .finally(() => this.#inFlight.delete(shown.key));
    this.#inFlight.set(shown.key, check);
    return check;
  }

  /** A result that comes too late for one request is cached for the next. */
  async #checkNow(shown: Shown): Promise<TokenVerdict> {
    const verdict = await this.#verdict(shown).catch(() => ({ kind: "unchecked" } as const));
    const { key, expiresAt } = shown;
    if (verdict.kind === "refused") this.#cached.delete(key);
    if (verdict.kind === "pod") {
      const checkedAt = this.#options.clock.monotonic();
      this.#cached.set(key, { uid: verdict.uid, checkedAt, expiresAt });
    }
    this.#options.checked?.(outcomes[verdict.kind]);
    return verdict;
  }

  async #verdict({ text }: Shown): Promise<Exclude<TokenVerdict, { kind: "flooded" }>> {
    const response = await this.#options.send(JSON.stringify({ token: text }));
    const answer = await response.text();
    if (response.status === 401) return { kind: "refused" };
    if (response.status !== 200) return { kind: "unchecked" };
    const { uid } = JSON.parse(answer) as { uid?: unknown };
    return typeof uid === "string" && uid !== "" ? { kind: "pod", uid } : { kind: "unchecked" };
  }
}

const outcomes = { pod: "verified", refused: "refused", unchecked: "unavailable" } as const;

function podIs({ uid }: Checked): TokenVerdict {
  return { kind: "pod", uid };
}

function hashOf(token: string): string {
  return createHash("sha256").update(token).digest("base64");
}

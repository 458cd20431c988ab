/**
 * Whose pod a token is. The server says so; its word is remembered under the token's hash, and
 * counts only while the pod it names is assigned to this node. What the pod gets is decided
 * elsewhere.
 */
import { createHash } from "node:crypto";
import { serverToken } from "../server_client/server_token.ts";
import type { Clock } from "../ports.ts";
import { RateLimit } from "../../time/rate_limit.ts";

/** Asked again after this long, so that a token that the API has withdrawn ends soon. */
const freshMs = 60_000;
/** Most SDKs give a request one second. */
const checkMs = 900;
/** One address may have this many tokens checked a second, twice that at once. */
const checksPerSecond = 20;
const checksUnderWay = 32;
const maxRemembered = 1000;
/** A ServiceAccount token has about 1,200 characters; the server takes 16 KiB. */
const maxTokenLength = 8192;

/** `unchecked`: no server can say now, and none has lately. */
export type TokenVerdict =
  | { readonly kind: "pod"; readonly uid: string }
  | { readonly kind: "refused" }
  | { readonly kind: "unchecked" }
  | { readonly kind: "flooded" };

export type CheckOutcome = "verified" | "refused" | "unavailable";

export interface TokenPodsOptions {
  readonly clock: Clock;
  /** Asks the server (`POST /v1/pod-tokens`). Rejects while none can be asked. */
  readonly ask: (body: string) => Promise<Response>;
  /** Whether the pod is assigned to this node now. */
  readonly isAssigned: (uid: string) => boolean;
  /** Told of each check by the server. */
  readonly checked?: (outcome: CheckOutcome) => void;
}

interface Remembered {
  readonly uid: string;
  /** By the monotonic clock. */
  readonly checkedAt: number;
  /** When the token ends, milliseconds since the epoch. */
  readonly expiresAt: number;
}

/** A token as it was shown: readable, and not over yet by this node's clock. */
interface Shown {
  readonly text: string;
  readonly key: string;
  readonly expiresAt: number;
}

export class TokenPods {
  readonly #options: TokenPodsOptions;
  readonly #remembered = new Map<string, Remembered>();
  readonly #underWay = new Map<string, Promise<TokenVerdict>>();
  readonly #checks = new RateLimit({ perSecond: checksPerSecond });

  constructor(options: TokenPodsOptions) {
    this.#options = options;
  }

  /**
   * The pod of a token, within 0.9 s. The server's word is good for a minute without asking, and
   * beyond it, to the token's end, while no server can be asked: the agent's knowledge of the pod
   * ends before, with `--disconnected-grace`. Never rejects.
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

  /** A pod that has left this node has no token any more, whatever was said of it before. */
  #recall({ key }: Shown): Remembered | undefined {
    const known = this.#remembered.get(key);
    if (known === undefined) return undefined;
    if (known.expiresAt > this.#options.clock.now() && this.#options.isAssigned(known.uid)) {
      return known;
    }
    this.#remembered.delete(key);
    return undefined;
  }

  #check(shown: Shown, peer: string): Promise<TokenVerdict> | TokenVerdict {
    const underWay = this.#underWay.get(shown.key);
    if (underWay) return underWay;
    const { clock } = this.#options;
    if (!this.#checks.admits(peer, clock.monotonic())) return { kind: "flooded" };
    if (this.#underWay.size >= checksUnderWay) return { kind: "unchecked" };
    const check = withinMs(clock, checkMs, this.#ask(shown))
      .finally(() => this.#underWay.delete(shown.key));
    this.#underWay.set(shown.key, check);
    return check;
  }

  /** A word that comes too late for one request is remembered for the next. */
  async #ask(shown: Shown): Promise<TokenVerdict> {
    const verdict = await this.#verdict(shown).catch(() => ({ kind: "unchecked" } as const));
    if (verdict.kind === "pod") this.#remember(shown, verdict.uid);
    if (verdict.kind === "refused") this.#remembered.delete(shown.key);
    this.#options.checked?.(outcomes[verdict.kind]);
    return verdict;
  }

  async #verdict({ text }: Shown): Promise<Exclude<TokenVerdict, { kind: "flooded" }>> {
    const response = await this.#options.ask(JSON.stringify({ token: text }));
    const answer = await response.text();
    if (response.status === 401) return { kind: "refused" };
    if (response.status !== 200) return { kind: "unchecked" };
    const { uid } = JSON.parse(answer) as { uid?: unknown };
    return typeof uid === "string" && uid !== "" ? { kind: "pod", uid } : { kind: "unchecked" };
  }

  #remember({ key, expiresAt }: Shown, uid: string): void {
    this.#remembered.delete(key);
    this.#remembered.set(key, { uid, checkedAt: this.#options.clock.monotonic(), expiresAt });
    const oldest = this.#remembered.keys().next();
    if (this.#remembered.size > maxRemembered && !oldest.done) {
      this.#remembered.delete(oldest.value);
    }
  }
}

const outcomes = { pod: "verified", refused: "refused", unchecked: "unavailable" } as const;

function podIs({ uid }: Remembered): TokenVerdict {
  return { kind: "pod", uid };
}

function hashOf(token: string): string {
  return createHash("sha256").update(token).digest("base64");
}

function withinMs(clock: Clock, ms: number, check: Promise<TokenVerdict>): Promise<TokenVerdict> {
  return new Promise((resolve) => {
    const cancel = clock.after(ms, () => resolve({ kind: "unchecked" }));
    void check.then((verdict) => {
      cancel();
      resolve(verdict);
    });
  });
}

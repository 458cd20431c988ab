/**
 * Bearer tokens as the API server judges them, asked as seldom as is safe: what can't be right is
 * refused unasked, and a success is remembered for a minute under the token's hash. What a genuine
 * token entitles to is decided elsewhere.
 */
import { type ExpiringCache, expiringCache } from "../../time/expiring_cache.ts";
import { RateLimit } from "../../time/rate_limit.ts";
import type { Log } from "../../telemetry/log.ts";
import type { Clock } from "../../time/clock.ts";
import type { ReviewToken, TokenVerdict } from "../ports.ts";
import { type Refusal, refuse } from "./refusal.ts";
import { bearerToken, readClaims, type TokenClaims } from "./token_claims.ts";

const rememberedMs = 60_000;
const maxRemembered = 10_000;
const maxUnderWay = 64;

type Authenticated = Extract<TokenVerdict, { kind: "authenticated" }>;

/** A genuine token, for the audience asked about. */
interface ReviewedToken extends Authenticated {
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

interface ReviewedTokensOptions {
  readonly reviewToken: ReviewToken;
  readonly clock: Clock;
  readonly log: Log;
  /** Reviews for one peer. */
  readonly attempts: { readonly perSecond: number; readonly burst: number };
}

interface Review {
  /** A hash over audience and token. */
  readonly key: string;
  readonly token: string;
  readonly claims: TokenClaims;
  readonly audience: string;
  readonly peer: string;
}

export class ReviewedTokens {
  readonly #reviewToken: ReviewToken;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #remembered: ExpiringCache<ReviewedToken>;
  readonly #underWay = new Map<string, Promise<ReviewedToken | Refusal>>();
  /** Anyone who reaches the port can send tokens that look right: each peer has its share. */
  readonly #attempts: RateLimit;

  constructor(options: ReviewedTokensOptions) {
    this.#reviewToken = options.reviewToken;
    this.#clock = options.clock;
    this.#log = options.log;
    this.#remembered = expiringCache({
      max: maxRemembered,
      ttlMs: rememberedMs,
      now: () => options.clock.monotonic(),
    });
    this.#attempts = new RateLimit({ ...options.attempts, maxKeys: 10_000 });
  }

  /** The token of an `Authorization` header: genuine, or refused with 401, or 503 (unknown yet). */
  review(header: string | undefined, audience: string, peer: string) {
    const token = bearerToken(header);
    if (token === undefined) return refuse(401, "no bearer token");
    return this.reviewToken(token, audience, peer);
  }

  async reviewToken(
    token: string,
    audience: string,
    peer: string,
  ): Promise<ReviewedToken | Refusal> {
    const claims = readClaims(token);
    if (claims === undefined) return refuse(401, "the token is not a ServiceAccount's token");
    if (!claims.audiences.includes(audience)) {
      return refuse(401, "the token is for another audience");
    }
    if (claims.expiresAt <= this.#clock.now()) return refuse(401, "the token has expired");
    const key = await hashOf(`${audience} ${token}`);
    return this.#remembered.get(key) ?? this.#underWay.get(key) ??
      this.#start({ key, token, claims, audience, peer });
  }

  #start(review: Review): Promise<ReviewedToken | Refusal> | Refusal {
    if (!this.#attempts.admits(review.peer, this.#clock.monotonic())) {
      return refuse(503, "too many tokens from this address");
    }
    if (this.#underWay.size >= maxUnderWay) return refuse(503, "too many tokens under review");
    const verdict = this.#verdict(review).finally(() => this.#underWay.delete(review.key));
    this.#underWay.set(review.key, verdict);
    return verdict;
  }

  async #verdict({ key, token, claims, audience }: Review): Promise<ReviewedToken | Refusal> {
    try {
      const verdict = await this.#reviewToken(token, audience);
      if (verdict.kind === "refused") return refuse(401, "the token is not valid");
      if (!verdict.audiences.includes(audience)) {
        return refuse(401, "the token is for another audience");
      }
      const reviewed = { ...verdict, expiresAt: claims.expiresAt };
      this.#remembered.set(key, reviewed);
      return reviewed;
    } catch (cause) {
      this.#log.warn({ error: String(cause) }, "token review failed");
      return refuse(503, "the token can't be checked now: the API server doesn't answer");
    }
  }
}

async function hashOf(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return btoa(String.fromCharCode(...new Uint8Array(digest)));
}

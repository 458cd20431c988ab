/**
 * TokenReview with as few calls as is safe: tokens that can't be valid are refused without a call,
 * and a success is cached for a minute under the token's hash.
 */
import { createHash } from "node:crypto";
import { type ExpiringCache, expiringCache } from "../../time/expiring_cache.ts";
import { RateLimit } from "../../time/rate_limit.ts";
import type { Log } from "../../telemetry/log.ts";
import type { Clock } from "../../time/clock.ts";
import type { ReviewToken, TokenVerdict } from "../ports.ts";
import { type Refusal, refuse } from "./refusal.ts";
import { bearerToken, readClaims, type TokenClaims } from "./token_claims.ts";

const cachedMs = 60_000;
const maxCached = 10_000;
const maxInFlight = 64;

type Authenticated = Extract<TokenVerdict, { kind: "authenticated" }>;

/** A valid token for the audience in question. */
interface ReviewedToken extends Authenticated {
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

interface ReviewedTokensOptions {
  readonly reviewToken: ReviewToken;
  readonly clock: Clock;
  readonly log: Log;
  /** The limit on reviews per peer. */
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
  readonly #cached: ExpiringCache<ReviewedToken>;
  readonly #inFlight = new Map<string, Promise<ReviewedToken | Refusal>>();
  /** Anyone who reaches the port can send well-formed tokens, so each peer is limited. */
  readonly #attempts: RateLimit;

  constructor(options: ReviewedTokensOptions) {
    this.#reviewToken = options.reviewToken;
    this.#clock = options.clock;
    this.#log = options.log;
    this.#cached = expiringCache({
      max: maxCached,
      ttlMs: cachedMs,
      now: () => options.clock.monotonic(),
    });
    this.#attempts = new RateLimit({ ...options.attempts, maxKeys: 10_000 });
  }

  /** The token of an `Authorization` header. Refused with 401, or 503 if it can't be checked now. */
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
    const key = hashOf(`${audience} ${token}`);
    return this.#cached.get(key) ??
      await (this.#inFlight.get(key) ?? this.#start({ key, token, claims, audience, peer }));
  }

  #start(review: Review): Promise<ReviewedToken | Refusal> | Refusal {
    if (!this.#attempts.admits(review.peer, this.#clock.monotonic())) {
      return refuse(503, "too many tokens from this address");
    }
    if (this.#inFlight.size >= maxInFlight) {
      return refuse(503, "too many token reviews in progress");
    }
    const verdict = this.#verdict(review).finally(() => this.#inFlight.delete(review.key));
    this.#inFlight.set(review.key, verdict);
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
      this.#cached.set(key, reviewed);
      return reviewed;
    } catch (fault) {
      this.#log.warn({ error: String(fault) }, "token review failed");
      return refuse(503, "the token can't be checked now: the API server does not answer");
    }
  }
}

function hashOf(text: string): string {
  return createHash("sha256").update(text).digest("base64");
}

/**
 * The token by which the agent of this process shows itself to the server of this process, in the
 * shape of a projected ServiceAccount token. Nobody else can make one: the key is this process's.
 */
import { Buffer } from "node:buffer";
import { createHmac, timingSafeEqual } from "node:crypto";
import type { PodFacts } from "../policy/facts.ts";
import type { TokenVerdict } from "../server/ports.ts";

export interface AgentTokensParts {
  /** The pod that the tokens are bound to. */
  readonly pod: PodFacts;
  readonly audience: string;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** At least 32 random bytes. */
  readonly key: Uint8Array;
}

/** Like a kubelet's, tokens are good for ten minutes. */
const lifeSeconds = 600;

export class AgentTokens {
  readonly #parts: AgentTokensParts;

  constructor(parts: AgentTokensParts) {
    this.#parts = parts;
  }

  /** A new token, good for ten minutes. */
  issue(): string {
    const { pod, audience, now } = this.#parts;
    const issuedAt = Math.floor(now() / 1000);
    const head = encoded({ alg: "HS256", typ: "JWT" });
    const claims = encoded({
      aud: [audience],
      exp: issuedAt + lifeSeconds,
      iat: issuedAt,
      sub: this.#username,
      "kubernetes.io": {
        namespace: pod.namespace,
        node: { name: pod.nodeName },
        pod: { name: pod.name, uid: pod.uid },
        serviceaccount: { name: pod.serviceAccount },
      },
    });
    return `${head}.${claims}.${this.#signature(`${head}.${claims}`)}`;
  }

  /** Whether the token was made here, for that audience, and is still good. */
  review(token: string, audience: string): Promise<TokenVerdict> {
    return Promise.resolve(this.#verdict(token, audience));
  }

  #verdict(token: string, audience: string): TokenVerdict {
    const [head = "", claims = "", signature = ""] = token.split(".");
    if (!same(signature, this.#signature(`${head}.${claims}`))) {
      return { kind: "refused", message: "not a token of this process" };
    }
    const { aud, exp } = JSON.parse(Buffer.from(claims, "base64url").toString());
    if (exp * 1000 <= this.#parts.now() || !aud.includes(audience)) {
      return { kind: "refused", message: "expired, or for another audience" };
    }
    const { pod } = this.#parts;
    return {
      kind: "authenticated",
      username: this.#username,
      audiences: aud,
      podName: pod.name,
      podUid: pod.uid,
      nodeName: pod.nodeName,
    };
  }

  get #username(): string {
    const { namespace, serviceAccount } = this.#parts.pod;
    return `system:serviceaccount:${namespace}:${serviceAccount}`;
  }

  #signature(text: string): string {
    return createHmac("sha256", this.#parts.key).update(text).digest("base64url");
  }
}

function encoded(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}

function same(a: string, b: string): boolean {
  return a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b));
}

/**
 * Tokens with which the agent authenticates to the server of the same process, and pods to the agent,
 * in the form of projected ServiceAccount tokens. They are signed with a key of this process.
 */
import { Buffer } from "node:buffer";
import { createHmac, timingSafeEqual } from "node:crypto";
import { type PodFacts, tokenSubject } from "../policy/facts.ts";
import type { TokenVerdict } from "../server/ports.ts";
import { devNodeName } from "./manifest_objects.ts";

/**
 * The pod that the agent of this process would be in a cluster: the server binds it to its node. It is
 * on the host network, so no address is its own.
 */
export function devAgentPod(
  serviceAccount: { readonly namespace: string; readonly name: string },
): PodFacts {
  return {
    uid: "de0a9e77-0000-4000-8000-000000000000",
    namespace: serviceAccount.namespace,
    name: `${serviceAccount.name}-dev`,
    nodeName: devNodeName,
    serviceAccount: serviceAccount.name,
    ips: [],
    hostNetwork: true,
    terminal: false,
    terminating: false,
    mirror: null,
    createdAt: "2026-01-01T00:00:00Z",
    role: "",
    sessionName: null,
    externalId: null,
    sessionDuration: null,
    sessionPolicyArns: null,
  };
}

interface AgentTokensOptions {
  /** The agent's own, and the audience of its tokens. */
  readonly pod: PodFacts;
  readonly audience: string;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** At least 32 random bytes. */
  readonly key: Uint8Array;
}

/** Like a kubelet's, the agent's tokens are valid for ten minutes. */
const agentLifeSeconds = 600;

type Bound = Pick<PodFacts, "namespace" | "name" | "uid" | "nodeName" | "serviceAccount">;

export class AgentTokens {
  readonly #options: AgentTokensOptions;

  constructor(options: AgentTokensOptions) {
    this.#options = options;
  }

  /** A new token for the agent, valid for ten minutes. */
  issue(): string {
    return this.issueFor(this.#options.pod, this.#options.audience, agentLifeSeconds);
  }

  /** A new token bound to a pod. */
  issueFor(pod: Bound, audience: string, lifeSeconds: number): string {
    const issuedAt = Math.floor(this.#options.now() / 1000);
    const head = encoded({ alg: "HS256", typ: "JWT" });
    const claims = encoded({
      aud: [audience],
      exp: issuedAt + lifeSeconds,
      iat: issuedAt,
      sub: tokenSubject(pod),
      "kubernetes.io": {
        namespace: pod.namespace,
        node: { name: pod.nodeName },
        pod: { name: pod.name, uid: pod.uid },
        serviceaccount: { name: pod.serviceAccount },
      },
    });
    return `${head}.${claims}.${this.#signature(`${head}.${claims}`)}`;
  }

  /** Whether the token was issued here, for that audience, and is still valid. */
  review(token: string, audience: string): Promise<TokenVerdict> {
    return Promise.resolve(this.#verdict(token, audience));
  }

  #verdict(token: string, audience: string): TokenVerdict {
    const [head = "", claims = "", signature = ""] = token.split(".");
    if (!same(signature, this.#signature(`${head}.${claims}`))) {
      return { kind: "refused", message: "not a token of this process" };
    }
    const { aud, exp, sub, ...more } = JSON.parse(Buffer.from(claims, "base64url").toString());
    if (exp * 1000 <= this.#options.now() || !aud.includes(audience)) {
      return { kind: "refused", message: "expired, or for another audience" };
    }
    const { pod, node } = more["kubernetes.io"];
    return {
      kind: "authenticated",
      groups: [],
      username: sub,
      audiences: aud,
      podName: pod.name,
      podUid: pod.uid,
      nodeName: node.name,
    };
  }

  #signature(text: string): string {
    return createHmac("sha256", this.#options.key).update(text).digest("base64url");
  }
}

function encoded(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}

function same(a: string, b: string): boolean {
  return a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b));
}

/**
 * What an SDK does at the metadata service: it gets a session token and keeps it, or uses none, and
 * reads the role's name and then its credentials. If a token is refused, it gets another one.
 */
import type { Process, VirtualClock } from "./virtual_clock.ts";

export type Send = (request: {
  readonly method: string;
  readonly target: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
}) => Promise<{ readonly status: number; readonly text: string }>;

export interface SessionToken {
  readonly text: string;
  /** By the simulation's clock. */
  readonly issuedAt: number;
  readonly endsAt: number;
  /** The process that issued it. */
  readonly agent: Process;
  /** The agent has accepted it, so it is the pod's. */
  accepted: boolean;
}

interface Visit {
  readonly send: Send;
  readonly agent: Process;
  /** The sender's address, to which tokens are bound. */
  readonly peer: string;
  /** Of a new token; null: the SDK uses none. */
  readonly ttlSeconds: number | null;
}

const roles = "/latest/meta-data/iam/security-credentials/";
/** SDKs get the next one before the last one has ended. */
const earlyMs = 10_000;

export class MetadataClient {
  readonly #clock: VirtualClock;
  readonly #tokens = new Map<string, SessionToken>();

  constructor(clock: VirtualClock) {
    this.#clock = clock;
  }

  async credentials(visit: Visit) {
    const kept = visit.ttlSeconds === null ? undefined : this.#kept(visit.peer);
    const first = await this.#read(visit, kept);
    if (kept === undefined || first.status !== 401) return { ...first, refused: null };
    this.#tokens.delete(visit.peer);
    return { ...await this.#read(visit, undefined), refused: kept };
  }

  #kept(peer: string): SessionToken | undefined {
    const token = this.#tokens.get(peer);
    return token !== undefined && token.endsAt - earlyMs > this.#clock.time ? token : undefined;
  }

  async #read(visit: Visit, kept: SessionToken | undefined) {
    const startedAt = this.#clock.time;
    const token = kept ?? await this.#newToken(visit);
    const tokenMs = this.#clock.time - startedAt;
    const headers = token === null ? [] : [["X-aws-ec2-metadata-token", token.text] as const];
    const list = await visit.send({ method: "GET", target: roles, headers });
    const answer = list.status === 200
      ? await visit.send({ method: "GET", target: roles + list.text, headers })
      : list;
    if (token !== null && [200, 403, 404].includes(answer.status)) token.accepted = true;
    return { ...answer, tokenMs, hasSession: token !== null };
  }

  async #newToken({ send, agent, peer, ttlSeconds }: Visit): Promise<SessionToken | null> {
    if (ttlSeconds === null) return null;
    const headers = [["X-aws-ec2-metadata-token-ttl-seconds", String(ttlSeconds)]] as const;
    const { time } = this.#clock;
    const { status, text } = await send({ method: "PUT", target: "/latest/api/token", headers });
    if (status !== 200) return null;
    const endsAt = time + ttlSeconds * 1_000;
    const token = { text, issuedAt: time, endsAt, agent, accepted: false };
    this.#tokens.set(peer, token);
    return token;
  }
}

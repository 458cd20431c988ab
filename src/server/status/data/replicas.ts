/**
 * Calls the other replicas, for their summaries and for renewals. Replicas are found through the
 * headless Service; each is called at its own address under the Service's name, verified with the
 * CA that agents use.
 */
import * as v from "valibot";
import type { Renewal, RenewalRequest } from "../../credentials/renewal.ts";
import { type PeerAnswer, readSummary } from "./merged_summary.ts";
import { messageOf, oneLine } from "../../../telemetry/fault.ts";
import { withDeadline } from "../../../time/deadline.ts";
import type { Clock } from "../../../time/clock.ts";
import type { PodName } from "./summary.ts";

/** The replicas' answers, this one's among them; never rejects. Older replicas don't know `renew`. */
export interface Replicas {
  summaries(only?: PodName): Promise<readonly PeerAnswer[]>;
  renew(request: RenewalRequest): Promise<readonly Renewal[]>;
}

/** There are no others. */
export const noReplicas: Replicas = {
  summaries: () => Promise.resolve([]),
  renew: () => Promise.resolve([]),
};

export interface ReplicaOptions {
  /** `https://SERVICE:PORT`. */
  readonly url: string;
  readonly resolve: (name: string) => Promise<readonly string[]>;
  /** PEM of the CA that issues the replicas' certificates. */
  readonly authority: () => Promise<string>;
  /** The server's own ServiceAccount token, for the agents' audience. */
  readonly token: () => Promise<string>;
  readonly httpClient: (options: { readonly ca: string }) => HttpClient;
  readonly clock: Clock;
}

interface HttpClient {
  fetch(url: string, init: {
    readonly method: string;
    readonly body?: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly address: string;
    readonly signal: AbortSignal;
  }): Promise<Response>;
  close(): void;
}

const timeoutMs = 3_000;
/** More than any installation has; a name with more addresses isn't our Service. */
const maxReplicas = 16;

export function callReplicas(options: ReplicaOptions): Replicas {
  return {
    summaries: (only) => {
      const call = { method: "GET", path: `/v1/summary${queryOf(only)}` };
      const failed = (peer: string, problem: string): PeerAnswer => {
        return { kind: "problem", peer, problem };
      };
      return callEach(options, call, { read: peerAnswer, failed });
    },
    renew: (request) => {
      const call = { method: "POST", path: "/v1/renew", body: JSON.stringify(request) };
      const failed = (replica: string, problem: string): Renewal => {
        return { replica, renewing: 0, problem };
      };
      return callEach(options, call, { read: renewal, failed });
    },
  };
}

interface ReplicaCall {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  readonly body?: string;
}

interface Reading<T> {
  /** Parses the body of a 200. @throws {Error} it isn't an answer */
  readonly read: (body: string) => T;
  readonly failed: (peer: string, problem: string) => T;
}

async function callEach<T>(
  options: ReplicaOptions,
  call: ReplicaCall,
  { read, failed }: Reading<T>,
): Promise<T[]> {
  const { url, clock } = options;
  const { hostname } = new URL(url);
  const { path, ...sent } = call;
  try {
    const addresses = (await options.resolve(hostname)).slice(0, maxReplicas);
    const [ca, token] = await Promise.all([options.authority(), options.token()]);
    const headers = {
      authorization: `Bearer ${token}`,
      accept: "application/json",
      ...(call.body === undefined ? {} : { "content-type": "application/json" }),
    };
    const client = options.httpClient({ ca });
    const calls = addresses.map((address) =>
      withDeadline({ clock, ms: timeoutMs }, async (signal) => {
        const init = { ...sent, headers, address, signal };
        const answer = await client.fetch(url + path, init);
        const body = await answer.text();
        if (answer.status === 200) return read(body);
        return failed(address, `${answer.status} ${body.trim().slice(0, 200)}`);
      }).catch((fault) => failed(address, oneLine(messageOf(fault))))
    );
    return await Promise.all(calls).finally(() => client.close());
  } catch (fault) {
    return [failed(hostname, oneLine(messageOf(fault)))];
  }
}

const renewed = v.object({ replica: v.string(), renewing: v.number() });

function renewal(body: string): Renewal {
  return { ...v.parse(renewed, JSON.parse(body)), problem: null };
}

function peerAnswer(body: string): PeerAnswer {
  const summary = readSummary(JSON.parse(body));
  if (summary === null) throw new Error("its answer is not a summary");
  return { kind: "summary", summary };
}

function queryOf(only: PodName | undefined): string {
  if (only === undefined) return "";
  return `?${new URLSearchParams({ namespace: only.namespace, pod: only.name })}`;
}

/**
 * Fetches the other replicas' summaries. Replicas are found through the headless Service; each is
 * called at its own address under the Service's name, verified with the CA that agents use.
 */
import { type PeerAnswer, readSummary } from "./merged_summary.ts";
import { withDeadline } from "../../../time/deadline.ts";
import type { Clock } from "../../../time/clock.ts";
import type { PodName } from "./summary.ts";

/** The other replicas' answers; never rejects. */
export type FetchSummaries = (only?: PodName) => Promise<readonly PeerAnswer[]>;

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
    readonly headers: Readonly<Record<string, string>>;
    readonly address: string;
    readonly signal: AbortSignal;
  }): Promise<Response>;
  close(): void;
}

const timeoutMs = 3_000;
/** More replicas than anyone runs; a name with more addresses isn't our Service. */
const maxReplicas = 16;

export function fetchSummaries(options: ReplicaOptions): FetchSummaries {
  return async (only) => {
    const { hostname } = new URL(options.url);
    try {
      const addresses = (await options.resolve(hostname)).slice(0, maxReplicas);
      const [ca, token] = await Promise.all([options.authority(), options.token()]);
      const client = options.httpClient({ ca });
      const answers = addresses.map((address) =>
        fetchSummary(options, client, { address, token, only })
      );
      return await Promise.all(answers).finally(() => client.close());
    } catch (fault) {
      return [{ kind: "problem", peer: hostname, problem: problemOf(fault) }];
    }
  };
}

interface SummaryRequest {
  readonly address: string;
  readonly token: string;
  readonly only: PodName | undefined;
}

async function fetchSummary(
  { url, clock }: ReplicaOptions,
  client: HttpClient,
  { address, token, only }: SummaryRequest,
): Promise<PeerAnswer> {
  const headers = { authorization: `Bearer ${token}`, accept: "application/json" };
  try {
    return await withDeadline({ clock, ms: timeoutMs }, async (signal) => {
      const init = { headers, address, signal };
      return await peerAnswer(
        address,
        await client.fetch(`${url}/v1/summary${queryOf(only)}`, init),
      );
    });
  } catch (fault) {
    return { kind: "problem", peer: address, problem: problemOf(fault) };
  }
}

async function peerAnswer(peer: string, answer: Response): Promise<PeerAnswer> {
  const text = await answer.text();
  if (answer.status !== 200) {
    return { kind: "problem", peer, problem: `${answer.status} ${text.trim().slice(0, 200)}` };
  }
  const summary = readSummary(JSON.parse(text));
  if (summary === null) return { kind: "problem", peer, problem: "its answer is not a summary" };
  return { kind: "summary", summary };
}

function queryOf(only: PodName | undefined): string {
  if (only === undefined) return "";
  return `?${new URLSearchParams({ namespace: only.namespace, pod: only.name })}`;
}

function problemOf(thrown: unknown): string {
  return (thrown instanceof Error ? thrown.message : String(thrown)).replaceAll(/\s+/g, " ");
}

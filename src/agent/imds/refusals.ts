/** Every refusal of the metadata front: its status and its line of text. */
import type { Reply } from "../../net/http_messages.ts";

const table = {
  host_refused: [400, "this Host isn't served here"],
  path_malformed: [400, "the request's path is malformed"],
  ttl_malformed: [400, "X-aws-ec2-metadata-token-ttl-seconds must be a whole number 1 to 21600"],
  token_missing: [401, "a session token is required: PUT /latest/api/token first"],
  token_refused: [401, "the session token is expired, not this pod's or malformed"],
  forwarded: [403, "requests with X-Forwarded-For are refused"],
  denied: [403, "this pod is denied its role"],
  other_role: [403, "this is not the pod's role"],
  no_role: [404, "this pod has no role"],
  not_found: [404, "not found"],
  method: [405, "only GET and HEAD are allowed"],
  token_method: [405, null],
  pod_unknown: [503, "no pod is known at this address yet; retry"],
  pod_unconfirmed: [503, "the server has been silent too long to confirm which pod this is; retry"],
  pod_conflict: [503, "two pods claim this address; neither gets an answer"],
  pod_unproven: [503, "no pod of this node has the socket of this connection; retry"],
  runtime_unavailable: [503, "the container runtime can't say which pod this is; retry"],
  pod_mismatch: [
    503,
    "the container runtime and the API disagree about this address; no pod gets an answer",
  ],
  credentials_pending: [503, "credentials are not available yet; retry"],
  flooded: [503, "too many requests from this pod"],
  upstream_away: [502, "the metadata service can't be reached"],
  upstream_slow: [504, "the metadata service didn't answer in time"],
} as const satisfies Record<string, readonly [status: number, line: string | null]>;

export type Refusal = keyof typeof table;

/** As EC2 names itself. */
export const imdsServer = "EC2ws";
export const server = ["Server", imdsServer] as const;
export const textPlain = ["Content-Type", "text/plain"] as const;

const extra: Partial<Record<Refusal, readonly [string, string]>> = {
  method: ["Allow", "GET, HEAD"],
  token_method: ["Allow", "OPTIONS, PUT"],
};

/** The reply to a refused request; `line` replaces the table's text. */
export function refuse(reason: Refusal, line?: string): Reply {
  const [status, usual] = table[reason];
  const text = line ?? usual;
  const more = status === 503 ? ["Retry-After", "1"] as const : extra[reason];
  const headers = more === undefined ? [server, textPlain] : [server, textPlain, more];
  const reply: Reply = { status, headers, body: text === null ? null : `${text}\n` };
  // A connection that wasn't proven stays so (`kernel/connection_search.ts`); another one may be.
  return reason === "pod_unproven" ? { ...reply, last: true } : reply;
}

/**
 * Hands a request on to the real metadata service and its answer back, both without what belongs to
 * one connection or one session only. Whether it may be passed on has been decided before.
 */
import type { FrontRequest, Reply } from "./request_context.ts";
import type { Upstream, UpstreamResponse } from "../ports.ts";
import { refuse } from "./refusals.ts";

const ofConnection = [
  "connection",
  "keep-alive",
  "proxy-connection",
  "proxy-authenticate",
  "proxy-authorization",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
];
const ofSession = ["x-aws-ec2-metadata-token", "x-aws-ec2-metadata-token-ttl-seconds"];
/** EC2 answers 403 to X-Forwarded-For; no body is passed on, so neither is what describes one. */
const ofSender = ["host", "expect", "content-length", "x-forwarded-for"];
const notToUpstream = new Set([...ofConnection, ...ofSession, ...ofSender]);
const notToPod = new Set([...ofConnection, ...ofSession]);

/**
 * Status, headers and body as the service gave them, a redirect included; 502 where it can't be
 * reached and 504 where it is slow.
 */
export async function passOn(
  upstream: Upstream,
  incoming: FrontRequest,
  path: string,
): Promise<Reply | Response> {
  const { method, signal } = incoming;
  try {
    const headers = requestHeaders(incoming);
    const answer = await upstream({ method, path, headers, signal });
    const { status } = answer;
    if (!(answer instanceof Response)) return { ...answer, headers: answerFields(answer) };
    return new Response(answer.body, { status, headers: answerHeaders(answer.headers) });
  } catch (error) {
    const slow = (error as { code?: unknown } | null)?.code === "imds_timeout";
    return refuse(slow ? "upstream_slow" : "upstream_away");
  }
}

function requestHeaders(incoming: FrontRequest): Record<string, string> {
  const named = namedBy(incoming.header("connection"));
  const headers = new Map<string, [name: string, value: string]>();
  const raw = incoming.rawHeaders;
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] ?? "";
    const value = raw[i + 1] ?? "";
    const key = name.toLowerCase();
    if (notToUpstream.has(key) || named.has(key)) continue;
    const before = headers.get(key);
    headers.set(key, before === undefined ? [name, value] : [before[0], `${before[1]}, ${value}`]);
  }
  return Object.fromEntries(headers.values());
}

/** The length is told with the body. */
function answerFields({ headers }: UpstreamResponse): Reply["headers"] {
  const connection = headers.filter(([name]) => name.toLowerCase() === "connection");
  const named = namedBy(connection.map(([, value]) => value).join(",") || undefined);
  return headers.filter(([name]) => {
    const key = name.toLowerCase();
    return key !== "content-length" && !notToPod.has(key) && !named.has(key);
  });
}

function answerHeaders(headers: Headers): Headers {
  const named = namedBy(headers.get("connection") ?? undefined);
  const kept = new Headers();
  for (const [name, value] of headers) {
    if (!notToPod.has(name) && !named.has(name)) kept.append(name, value);
  }
  return kept;
}

/** Connection may name further headers that are for the next hop only (RFC 9110, 7.6.1). */
function namedBy(connection: string | undefined): ReadonlySet<string> {
  if (connection === undefined) return new Set();
  return new Set(connection.split(",").map((name) => name.trim().toLowerCase()));
}

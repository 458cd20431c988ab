/**
 * Passes a request through to the real metadata service, and its answer back, both without headers
 * that belong to one connection or session. Callers check first that the path may be passed
 * through.
 */
import { codeOf } from "../../telemetry/fault.ts";
import type { Incoming, Reply } from "../../net/http_messages.ts";
import type { Upstream } from "../ports.ts";
import { refuse } from "./refusals.ts";

const ofConnection = [
  "http2-settings",
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
/** EC2 answers 403 to X-Forwarded-For. No body is passed through, so neither is what describes it. */
const ofSender = ["host", "expect", "content-length", "x-forwarded-for"];
const notToUpstream = new Set([...ofConnection, ...ofSession, ...ofSender]);
const notToPod = new Set([...ofConnection, ...ofSession]);

/**
 * Status, headers and body as the service sent them, including redirects; 502 if it can't be reached,
 * 504 if it is too slow.
 */
export async function passThrough(
  upstream: Upstream,
  incoming: Incoming,
  path: string,
): Promise<Reply> {
  const { method, signal } = incoming;
  try {
    const headers = requestHeaders(incoming);
    return forPod(await upstream({ method, path, headers, signal }));
  } catch (fault) {
    const slow = codeOf(fault) === "imds_timeout";
    return refuse(slow ? "upstream_slow" : "upstream_away");
  }
}

function requestHeaders(incoming: Incoming): Record<string, string> {
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

function forPod({ status, headers, body }: Reply): Reply {
  const connection = headers.filter(([name]) => name.toLowerCase() === "connection");
  const named = namedBy(connection.map(([, value]) => value).join(",") || undefined);
  const kept = headers.filter(([name]) => {
    const key = name.toLowerCase();
    return !notToPod.has(key) && !named.has(key);
  });
  return { status, headers: kept, body };
}

/** Connection may name further headers that are for the next hop only (RFC 9110, 7.6.1). */
function namedBy(connection: string | undefined): ReadonlySet<string> {
  if (connection === undefined) return new Set();
  return new Set(connection.split(",").map((name) => name.trim().toLowerCase()));
}

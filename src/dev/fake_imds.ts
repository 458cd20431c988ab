/**
 * An instance metadata service for requests that are passed on. It requires a token, as on a
 * hardened node. The keys, user data and role that pods must never see have recognisable values.
 */
import { instant } from "../time/instant.ts";
import { imdsVersion } from "../agent/documents/credentials_documents.ts";

interface FakeImdsOptions {
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** A new token, never the same twice. */
  readonly newToken: () => string;
  readonly region: string;
  readonly accountId: string;
}

/** Answers one request as the instance metadata service of an EC2 node does. */
type FakeImds = (request: Request) => Response;

/** If this shows up in a pod, the request got past the agent. */
const nodesOwnKeys = "THE-NODES-OWN-KEYS";

const instanceId = "i-0de7de7de7de7de70";
const address = "10.77.0.10";
const roleName = "THE-NODES-OWN-ROLE";

/** Creates the service; it remembers its tokens until they expire. */
export function createFakeImds(options: FakeImdsOptions): FakeImds {
  const tokens = new Map<string, number>();
  const tree = documents(options);
  return (request) => {
    const { pathname } = new URL(request.url);
    if (pathname === "/latest/api/token") return tokenAnswer(options, tokens, request);
    if (request.method !== "GET" && request.method !== "HEAD") {
      return text(405, "Method Not Allowed");
    }
    const endsAt = tokens.get(request.headers.get("x-aws-ec2-metadata-token") ?? "") ?? 0;
    if (endsAt <= options.now()) return text(401, "Unauthorized");
    const body = lookUp(tree, pathname);
    return body === undefined ? text(404, "Not Found") : text(200, body);
  };
}

function tokenAnswer(
  options: FakeImdsOptions,
  tokens: Map<string, number>,
  request: Request,
): Response {
  if (request.method !== "PUT") return text(405, "Method Not Allowed", { allow: "OPTIONS, PUT" });
  if (request.headers.has("x-forwarded-for")) return text(403, "Forbidden");
  const requested = request.headers.get("x-aws-ec2-metadata-token-ttl-seconds") ?? "";
  const seconds = /^\d{1,5}$/.test(requested) ? Number(requested) : 0;
  if (seconds < 1 || seconds > 21600) return text(400, "Bad Request");
  for (const [token, endsAt] of tokens) if (endsAt <= options.now()) tokens.delete(token);
  const token = options.newToken();
  tokens.set(token, options.now() + seconds * 1000);
  return text(200, token, { "x-aws-ec2-metadata-token-ttl-seconds": requested });
}

/** Every document by its path below the version. */
function documents({ region, accountId, now }: FakeImdsOptions): ReadonlyMap<string, string> {
  const zone = `${region}a`;
  const credentials = document({
    Code: "Success",
    LastUpdated: instant(now()),
    Type: "AWS-HMAC",
    AccessKeyId: nodesOwnKeys,
    SecretAccessKey: nodesOwnKeys,
    Token: nodesOwnKeys,
    Expiration: instant(now() + 6 * 3_600_000),
  });
  const identity = document({
    accountId,
    architecture: "arm64",
    availabilityZone: zone,
    imageId: "ami-0de7de7de7de7de70",
    instanceId,
    instanceType: "m7g.large",
    pendingTime: "2026-01-01T00:00:00Z",
    privateIp: address,
    region,
    version: "2017-09-30",
  });
  const profile = document({
    Code: "Success",
    LastUpdated: instant(now()),
    InstanceProfileArn: `arn:aws:iam::${accountId}:instance-profile/${roleName}`,
    InstanceProfileId: "AIPAROLECALLDEV00000",
  });
  return new Map([
    ["/meta-data/ami-id", "ami-0de7de7de7de7de70"],
    ["/meta-data/hostname", "ip-10-77-0-10.ec2.internal"],
    ["/meta-data/iam/info", profile],
    [`/meta-data/iam/security-credentials/${roleName}`, credentials],
    [
      "/meta-data/identity-credentials/ec2/info",
      document({ Code: "Success", AccountId: accountId }),
    ],
    ["/meta-data/identity-credentials/ec2/security-credentials/ec2-instance", credentials],
    ["/meta-data/instance-id", instanceId],
    ["/meta-data/instance-type", "m7g.large"],
    ["/meta-data/local-hostname", "ip-10-77-0-10.ec2.internal"],
    ["/meta-data/local-ipv4", address],
    ["/meta-data/mac", "0a:de:7d:e7:de:70"],
    ["/meta-data/placement/availability-zone", zone],
    ["/meta-data/placement/region", region],
    ["/dynamic/instance-identity/document", identity],
    ["/user-data", `#!/bin/sh\n# joins the cluster with ${nodesOwnKeys}\n`],
  ]);
}

const inVersion = new RegExp(`^/${imdsVersion}(/.*)?$`);

/** A leaf's text, or for a folder the names in it, folders with a slash, as EC2 lists them. */
function lookUp(tree: ReadonlyMap<string, string>, pathname: string): string | undefined {
  const found = inVersion.exec(pathname);
  if (found === null) return pathname === "/" ? "latest" : undefined;
  const path = (found[1] ?? "/").replace(/\/+$/, "");
  const leaf = tree.get(path);
  if (leaf !== undefined) return leaf;
  const names = [...tree.keys()]
    .filter((key) => key.startsWith(`${path}/`))
    .map((key) => key.slice(path.length + 1).replace(/\/.*$/, "/"));
  return names.length === 0 ? undefined : [...new Set(names)].sort().join("\n");
}

function text(status: number, body: string, headers: Record<string, string> = {}): Response {
  const length = String(new TextEncoder().encode(body).length);
  const own = { "content-type": "text/plain", "content-length": length, server: "EC2ws" };
  return new Response(body, { status, headers: { ...own, ...headers } });
}

function document(fields: Record<string, string>): string {
  return JSON.stringify(fields, null, 2);
}

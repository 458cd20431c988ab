/**
 * Stands in for the node's real metadata service, strictly: it demands IMDSv2 tokens, holds the
 * node's own credentials, and records every request that must never reach it.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { randomBytes } from "node:crypto";
import { metadataAddress } from "./network.ts";

/** Shows up wherever the node's credentials got to. */
export const nodeSecret = "NODESECRETNEVERSEENBYAPOD0000000000000000";
const nodeRole = "node-instance-role";
export const instanceId = "i-0123456789abcdef0";

const documents: Readonly<Record<string, string>> = {
  "/latest/meta-data/": "ami-id\nhostname\niam/\ninstance-id\nplacement/",
  "/latest/meta-data/instance-id": instanceId,
  "/latest/meta-data/instance-type": "m5.large",
  "/latest/meta-data/hostname": "ip-10-231-0-10.eu-west-1.compute.internal",
  "/latest/meta-data/placement/region": "eu-west-1",
  "/latest/meta-data/placement/availability-zone": "eu-west-1a",
  "/latest/dynamic/instance-identity/document": '{"region":"eu-west-1"}',
  "/latest/user-data": "KUBELET_BOOTSTRAP_TOKEN=never",
};

const forbidden = /iam|identity-credentials|user-data/i;

interface Requested {
  readonly peer: string;
  readonly method: string;
  readonly target: string;
  readonly status: number;
}

export interface InstanceMetadata {
  readonly requested: readonly Requested[];
  /** Requests that must never arrive; empty unless something leaks. */
  leaks(): readonly Requested[];
  /** Lets processes of the node itself, and only for now, have the node's credentials. */
  allowNode(address: string): () => void;
  stop(): Promise<void>;
}

/** Listens where pods believe the metadata service to be. */
export async function startInstanceMetadata(): Promise<InstanceMetadata> {
  const requested: Requested[] = [];
  const allowed = new Set<string>();
  const tokens = new Set<string>();
  const server = createServer((request, response) => {
    const peer = (request.socket.remoteAddress ?? "").replace("::ffff:", "");
    const status = answer(request, response, tokens);
    requested.push({ peer, method: request.method ?? "", target: request.url ?? "", status });
    if (allowed.has(peer)) excused.add(requested.length - 1);
  });
  const excused = new Set<number>();
  await listen(server);
  return {
    requested,
    leaks: () => requested.filter((one, at) => forbidden.test(one.target) && !excused.has(at)),
    allowNode: (address) => {
      allowed.add(address);
      return () => allowed.delete(address);
    },
    stop: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

function answer(request: IncomingMessage, response: ServerResponse, tokens: Set<string>): number {
  const [status, body, ttl] = decide(request, tokens);
  response.writeHead(status, {
    "Server": "EC2ws",
    "Content-Type": "text/plain",
    "Content-Length": String(body.length),
    ...(ttl ? { "X-Aws-Ec2-Metadata-Token-Ttl-Seconds": ttl } : {}),
  });
  response.end(body);
  return status;
}

function decide(request: IncomingMessage, tokens: Set<string>): [number, string, string?] {
  const path = request.url ?? "";
  if (path === "/latest/api/token") return issue(request, tokens);
  const token = String(request.headers["x-aws-ec2-metadata-token"] ?? "");
  if (!tokens.has(token)) return [401, "Unauthorized"];
  const document = documents[path] ?? nodeDocument(path);
  return document === undefined ? [404, "Not Found"] : [200, document];
}

function issue(request: IncomingMessage, tokens: Set<string>): [number, string, string?] {
  const ttl = String(request.headers["x-aws-ec2-metadata-token-ttl-seconds"] ?? "");
  if (request.method !== "PUT" || request.headers["x-forwarded-for"]) return [403, "Forbidden"];
  if (!/^[0-9]{1,5}$/.test(ttl)) return [400, "Bad Request"];
  const token = randomBytes(24).toString("base64");
  tokens.add(token);
  return [200, token, ttl];
}

function nodeDocument(path: string): string | undefined {
  const list = "/latest/meta-data/iam/security-credentials/";
  if (path === list) return nodeRole;
  if (path !== list + nodeRole) return undefined;
  return JSON.stringify({
    Code: "Success",
    LastUpdated: stamp(Date.now()),
    Type: "AWS-HMAC",
    AccessKeyId: "ASIANODENODENODENODE",
    SecretAccessKey: nodeSecret,
    Token: "node-session-token",
    Expiration: stamp(Date.now() + 6 * 3600_000),
  });
}

function stamp(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, "Z");
}

function listen(server: Server): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(80, metadataAddress, () => resolve());
  });
}

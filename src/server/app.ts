/** The server's HTTPS routes: for agents, and the summary for the other replicas. */
import { type Context, Hono } from "hono";
import * as v from "valibot";
import { type AgentReport, agentReport, encodeFrame } from "../protocol/frames.ts";
import type { Agent, IdentifyAgent } from "./access/agent_identity.ts";
import type { AgentStreams } from "./assignments/agent_streams.ts";
import type { ClusterIndex } from "./cluster/cluster_index.ts";
import type { DirectRead } from "./assignments/direct_read.ts";
import { limitBody, refusalResponse, refuse } from "./access/refusal.ts";
import type { RefusedRequest } from "../telemetry/refused_request.ts";
import { refusedRequests } from "./refused_requests.ts";
import type { ReviewedTokens } from "./access/reviewed_tokens.ts";
import type { PeerEnv } from "./ports.ts";
import {
  maxRenewalBytes,
  type Renewal,
  type RenewalRequest,
  renewalRequest,
} from "./credentials/renewal.ts";
import type { PodName, Summary } from "./status/data/summary.ts";

const maxBodyBytes = 16_384;
const podTokenBody = v.object({ token: v.string() });

interface AppOptions {
  readonly index: ClusterIndex;
  readonly identifyAgent: IdentifyAgent;
  readonly streams: AgentStreams;
  readonly directRead: DirectRead;
  /** Reviews the server's own tokens. */
  readonly tokens: ReviewedTokens;
  /** Reviews pods' tokens, which agents pass on. */
  readonly podTokens: ReviewedTokens;
  readonly audience: string;
  readonly podAudience: string;
  /** `system:serviceaccount:NAMESPACE:NAME` of the server itself; null outside a cluster. */
  readonly ownUsername: () => Promise<string | null>;
  /** All pods, or one. */
  readonly summary: (only?: PodName) => Summary;
  readonly renew: (request: RenewalRequest) => Renewal;
  /** Why agents can't be served yet; null once they can. */
  readonly notReady: () => string | null;
  readonly agentReported: (agent: Agent, report: AgentReport) => void;
  readonly answered: (route: string, status: number) => void;
  /** From 0 up to 1. */
  readonly random: () => number;
  readonly refused: (request: RefusedRequest) => void;
  /** An unexpected error; the client gets a 500 without details. */
  readonly failed: (error: Error, route: string) => void;
}

/** Every refusal is one line of text/plain. */
export function createApp(options: AppOptions): Hono<PeerEnv> {
  const app = new Hono<PeerEnv>();
  app.use(async (c, next) => {
    await next();
    options.answered(c.req.routePath, c.res.status);
  });
  app.use(refusedRequests({ random: options.random, report: options.refused }));
  const [ofAgents, ofReplicas] = [limitBody(maxBodyBytes), limitBody(maxRenewalBytes)];
  app.use((c, next) => (c.req.path === "/v1/renew" ? ofReplicas : ofAgents)(c, next));
  app.use(async (c, next) => {
    if (c.req.method === "GET" || c.req.method === "POST") return await next();
    return refusalResponse(refuse(405, "GET and POST only"));
  });
  app.get("/v1/assignments", (c) => forAgent(c, options, (agent) => assignments(options, agent)));
  app.get(
    "/v1/pods/by-ip/:ip",
    (c) => forAgent(c, options, (agent) => podByAddress(options, agent, c.req.param("ip"))),
  );
  app.post("/v1/agent", (c) => forAgent(c, options, (agent) => report(c, options, agent)));
  app.post("/v1/pod-tokens", (c) => forAgent(c, options, (agent) => podToken(c, options, agent)));
  app.get("/v1/summary", (c) => forReplica(c, options, () => summary(c, options)));
  app.post("/v1/renew", (c) => forReplica(c, options, () => renew(c, options)));
  app.notFound(() => refusalResponse(refuse(404, "no such path")));
  app.onError((error, c) => {
    options.failed(error, c.req.routePath);
    return c.text("internal error\n", 500);
  });
  return app;
}

async function forAgent(
  c: Context<PeerEnv>,
  options: AppOptions,
  answer: (agent: Agent) => Promise<Response> | Response,
): Promise<Response> {
  const notReady = options.notReady();
  if (notReady !== null) return refusalResponse(refuse(503, notReady));
  const agent = await options.identifyAgent(c.req.header("authorization"), c.env.peer);
  return agent.kind === "agent" ? await answer(agent) : refusalResponse(agent);
}

const frameHeaders = { "content-type": "application/x-ndjson", "cache-control": "no-store" };

function assignments(options: AppOptions, agent: Agent): Response {
  return new Response(options.streams.open(agent), { headers: frameHeaders });
}

async function podByAddress(options: AppOptions, agent: Agent, ip: string): Promise<Response> {
  const found = await options.directRead.find(agent.node, ip);
  if ("kind" in found) return refusalResponse(found);
  return new Response(encodeFrame(found), { headers: frameHeaders });
}

async function report(c: Context<PeerEnv>, options: AppOptions, agent: Agent): Promise<Response> {
  const result = v.safeParse(agentReport, await readJson(c));
  if (!result.success) return refusalResponse(refuse(400, "the body is not an agent's report"));
  options.streams.report(agent, result.output);
  options.agentReported(agent, result.output);
  return new Response(null, { status: 204 });
}

async function podToken(c: Context<PeerEnv>, options: AppOptions, agent: Agent): Promise<Response> {
  const body = v.safeParse(podTokenBody, await readJson(c));
  if (!body.success) return refusalResponse(refuse(400, 'the body is not {"token"}'));
  const { token } = body.output;
  const verdict = await options.podTokens.reviewToken(token, options.podAudience, agent.node);
  if (verdict.kind === "refusal") return refusalResponse(verdict);
  const pod = options.index.pod(verdict.podUid ?? "");
  if (pod === undefined || pod.nodeName !== agent.node || pod.terminal) {
    return refusalResponse(refuse(401, "the token is not bound to a pod of this node"));
  }
  return c.json({ uid: pod.uid });
}

async function forReplica(
  c: Context<PeerEnv>,
  options: AppOptions,
  answer: () => Promise<Response> | Response,
): Promise<Response> {
  const header = c.req.header("authorization");
  const token = await options.tokens.review(header, options.audience, c.env.peer);
  if (token.kind === "refusal") return refusalResponse(token);
  const own = await options.ownUsername();
  if (own !== null && token.username === own) return await answer();
  return refusalResponse(refuse(403, "only for the server's own ServiceAccount"));
}

function summary(c: Context<PeerEnv>, options: AppOptions): Response {
  const { namespace, pod: name } = c.req.query();
  const one = namespace === undefined || name === undefined ? undefined : { namespace, name };
  return c.json(options.summary(one));
}

async function renew(c: Context<PeerEnv>, options: AppOptions): Promise<Response> {
  const body = v.safeParse(renewalRequest, await readJson(c));
  if (!body.success) return refusalResponse(refuse(400, "the body is not a request to renew"));
  return c.json(options.renew(body.output));
}

async function readJson(c: Context<PeerEnv>): Promise<unknown> {
  try {
    return await c.req.json();
  } catch {
    return undefined;
  }
}

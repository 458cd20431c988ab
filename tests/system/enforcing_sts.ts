/** The STS that enforces trust policies, on the fabric, with the cluster as an OIDC provider. */
import { Buffer } from "node:buffer";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createFakeSts } from "../../src/dev/sts/fake_sts.ts";
import { iamOf } from "../../src/dev/sts/iam.ts";
import { parsePolicy } from "../../src/iam/policy_document.ts";
import type { KubeApi } from "./kube_api.ts";
import { fabricAddress } from "./network.ts";
import { account } from "./sts.ts";

/** The API server's, without its scheme. */
const issuerHost = "kubernetes.default.svc.cluster.local";

/** An exchange of a token, before it is answered. */
interface Exchange {
  /** The `sub`. */
  readonly subject: string;
  /** The UID of the pod that the token is bound to. */
  readonly podUid: string;
  readonly token: string;
}

export interface EnforcingSts {
  readonly url: string;
  /** All exchanges so far. */
  readonly exchanges: readonly Exchange[];
  /** How long sessions last, whatever was asked for; null is what was asked for. */
  sessionSeconds: number | null;
  /** Answers the next exchanges only once the promise is fulfilled. */
  held: Promise<void>;
  close(): Promise<void>;
}

/**
 * `roles`: by path and name, the `sub` of the tokens that may assume it, with wildcards; nothing and
 * nobody else may.
 */
export async function startEnforcingSts(
  api: KubeApi,
  roles: Readonly<Record<string, string>>,
  port = 0,
): Promise<EnforcingSts> {
  const sts = await stsOf(api, roles);
  const exchanges: Exchange[] = [];
  const answer = async (incoming: IncomingMessage, response: ServerResponse) => {
    const { authorization = "", "x-amz-security-token": session } = incoming.headers;
    const text = await textOf(incoming);
    const token = new URLSearchParams(text).get("WebIdentityToken");
    if (token !== null) {
      exchanges.push(exchangeOf(token));
      await self.held;
    }
    const headers = {
      authorization,
      ...(session === undefined ? {} : { "x-amz-security-token": String(session) }),
    };
    const given = await sts(new Request("http://sts/", { method: "POST", headers, body: text }));
    const xml = await given.text();
    response.writeHead(given.status, { "Content-Type": "text/xml" })
      .end(self.sessionSeconds === null ? xml : endingIn(self.sessionSeconds, xml));
  };
  // A client that was cut off midway.
  const server = createServer((incoming, response) => {
    answer(incoming, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(port, fabricAddress, resolve));
  const { port: own } = server.address() as { port: number };
  const self: EnforcingSts = {
    url: `http://${fabricAddress}:${own}`,
    exchanges,
    sessionSeconds: null,
    held: Promise.resolve(),
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
  return self;
}

async function stsOf(api: KubeApi, roles: Readonly<Record<string, string>>) {
  const arn = `arn:aws:iam::${account}:oidc-provider/${issuerHost}`;
  const { keys } = JSON.parse(await api.text("/openid/v1/jwks"));
  const provider = {
    arn,
    issuer: `https://${issuerHost}`,
    audiences: ["sts.amazonaws.com"],
    keys,
  };
  const iam = iamOf({
    roles: Object.entries(roles).map(([name, subject]) => ({
      arn: `arn:aws:iam::${account}:role/${name}`,
      trust: trusting(arn, subject),
      permissions: null,
      maxSessionSeconds: 3600,
      tags: {},
    })),
    policies: [],
  }, [provider]);
  const random = (below: number) => Math.floor(Math.random() * below);
  return createFakeSts({ now: Date.now, random, accountId: account, iam });
}

function exchangeOf(token: string): Exchange {
  const claims = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString());
  return { subject: claims.sub, podUid: claims["kubernetes.io"]?.pod?.uid ?? "", token };
}

function endingIn(seconds: number, xml: string): string {
  const end = `${new Date(Date.now() + seconds * 1000).toISOString().slice(0, 19)}Z`;
  return xml.replace(/<Expiration>[^<]*/, `<Expiration>${end}`);
}

function trusting(Federated: string, subject: string) {
  const like = { [`${issuerHost}:sub`]: subject, [`${issuerHost}:aud`]: "sts.amazonaws.com" };
  const parsed = parsePolicy({
    Version: "2012-10-17",
    Statement: {
      Effect: "Allow",
      Principal: { Federated },
      Action: "sts:AssumeRoleWithWebIdentity",
      Condition: { StringLike: like },
    },
  }, "trust");
  if (parsed.kind === "invalid") throw new TypeError(parsed.problem);
  return parsed.policy;
}

async function textOf(incoming: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of incoming) text += chunk;
  return text;
}

/** The STS that enforces trust policies, on the fabric, with the cluster as an OIDC provider. */
import { createServer, type IncomingMessage } from "node:http";
import { createFakeSts } from "../../src/dev/sts/fake_sts.ts";
import { iamOf } from "../../src/dev/sts/iam.ts";
import { parsePolicy } from "../../src/iam/policy_document.ts";
import type { KubeApi } from "./kube_api.ts";
import { fabricAddress } from "./network.ts";
import { account } from "./sts.ts";

/** The API server's, without its scheme. */
export const issuerHost = "kubernetes.default.svc.cluster.local";

export interface EnforcingSts {
  readonly url: string;
  close(): Promise<void>;
}

/** `roles`: by name, the `sub` of the tokens that may assume it; nothing else may. */
export async function startEnforcingSts(
  api: KubeApi,
  roles: Readonly<Record<string, string>>,
): Promise<EnforcingSts> {
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
  const sts = createFakeSts({ now: Date.now, random, accountId: account, iam });
  const server = createServer(async (incoming, response) => {
    const request = new Request("http://sts/", {
      method: "POST",
      headers: { authorization: incoming.headers.authorization ?? "" },
      body: await textOf(incoming),
    });
    const answer = await sts(request);
    response.writeHead(answer.status, { "Content-Type": "text/xml" }).end(await answer.text());
  });
  await new Promise<void>((resolve) => server.listen(0, fabricAddress, resolve));
  const { port } = server.address() as { port: number };
  return {
    url: `http://${fabricAddress}:${port}`,
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

function trusting(Federated: string, subject: string) {
  const equals = { [`${issuerHost}:sub`]: subject, [`${issuerHost}:aud`]: "sts.amazonaws.com" };
  const parsed = parsePolicy({
    Version: "2012-10-17",
    Statement: {
      Effect: "Allow",
      Principal: { Federated },
      Action: "sts:AssumeRoleWithWebIdentity",
      Condition: { StringEquals: equals },
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

/** The embedded STS and metadata service, listening on free ports of loopback. */
import type { ListenLimits } from "../runtime/http/types.ts";
import { webHandler } from "../runtime/http/web_handler.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { type ClusterIssuer, devIssuer } from "./cluster_issuer.ts";
import { createFakeImds } from "./fake_imds.ts";
import { createFakeSts } from "./sts/fake_sts.ts";
import { type IamDocuments, lenientIam } from "./sts/iam.ts";

export interface EmbeddedAws {
  readonly stsUrl: string;
  readonly imdsUrl: string;
  /** What the STS evaluates; empty at first. */
  readonly iam: { replace(documents: IamDocuments): void };
  close(): Promise<void>;
}

interface EmbeddedAwsOptions {
  readonly runtime: Pick<Runtime, "listen">;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly region: string;
  /** Of the cluster's ServiceAccount tokens. */
  readonly issuer: Pick<ClusterIssuer, "keys">;
}

/** The account that everything embedded is in. */
const embeddedAccountId = "123456789012";

const limits: ListenLimits = {
  maxConnections: 256,
  maxConnectionsPerPeer: 256,
  headersTimeoutMs: 60_000,
  requestTimeoutMs: 60_000,
  keepAliveTimeoutMs: 60_000,
  maxHeaderBytes: 16_384,
};

/** Open to every program on this machine, since everything it returns is fake. */
export async function startEmbeddedAws(options: EmbeddedAwsOptions): Promise<EmbeddedAws> {
  const { now, region } = options;
  const provider = {
    arn: `arn:aws:iam::${embeddedAccountId}:oidc-provider/${devIssuer.replace("https://", "")}`,
    issuer: devIssuer,
    audiences: ["sts.amazonaws.com"],
    keys: await options.issuer.keys(),
  };
  let documents: IamDocuments = { roles: [], policies: [] };
  const sts = createFakeSts({
    now,
    random: (below) => crypto.getRandomValues(new Uint32Array(1))[0]! % below,
    accountId: embeddedAccountId,
    iam: lenientIam(() => documents, [provider]),
  });
  const imds = createFakeImds({
    now,
    newToken: () => crypto.randomUUID(),
    region,
    accountId: embeddedAccountId,
  });
  const listeners = await Promise.all([
    listen(options.runtime, sts),
    listen(options.runtime, imds),
  ]);
  const [stsUrl, imdsUrl] = listeners.map(({ port }) => `http://127.0.0.1:${port}`);
  return {
    stsUrl: stsUrl!,
    imdsUrl: imdsUrl!,
    iam: { replace: (next) => void (documents = next) },
    close: async () => void await Promise.all(listeners.map((listener) => listener.close(0))),
  };
}

function listen(
  runtime: Pick<Runtime, "listen">,
  answer: (request: Request) => Response | Promise<Response>,
) {
  return runtime.listen({ host: "127.0.0.1", port: 0, handler: webHandler(answer), limits });
}

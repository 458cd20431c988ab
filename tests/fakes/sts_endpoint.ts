/** STS's query protocol on a loopback port, with answers from the test. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

interface StsRequest {
  readonly form: URLSearchParams;
  /** Who signed, from the Authorization header. */
  readonly accessKeyId: string | undefined;
  /** `X-Amz-Date` in milliseconds since the epoch. */
  readonly signedAt: number;
}

/** `hang` answers nothing, `stall` a head without its body. */
type StsReply =
  | { readonly status: number; readonly body: string; readonly date?: Date }
  | "hang"
  | "stall";

export interface StsEndpoint {
  readonly url: string;
  readonly requests: StsRequest[];
  /** The reply to each request. */
  answer: (request: StsRequest) => StsReply;
  close(): Promise<void>;
}

export async function startStsEndpoint(): Promise<StsEndpoint> {
  const requests: StsRequest[] = [];
  const server = createServer(async (incoming, response) => {
    // Undefined from a client that was cut off midway.
    const request = await read(incoming).catch(() => undefined);
    if (request === undefined) return void response.destroy();
    requests.push(request);
    write(response, endpoint.answer(request));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const endpoint: StsEndpoint = {
    url: `http://127.0.0.1:${port}`,
    requests,
    answer: () => assumed("ASIAEXAMPLE", new Date(Date.now() + 3_600_000)),
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
  return endpoint;
}

/** AssumeRole's answer. */
export function assumed(accessKeyId: string, expiration: Date): StsReply {
  return {
    status: 200,
    body: `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult>
<AssumedRoleUser><Arn>arn:aws:sts::111122223333:assumed-role/r/s</Arn><AssumedRoleId>AROA:s</AssumedRoleId></AssumedRoleUser>
<Credentials><AccessKeyId>${accessKeyId}</AccessKeyId><SecretAccessKey>secret+/=</SecretAccessKey>
<SessionToken>token+/=</SessionToken><Expiration>${expiration.toISOString()}</Expiration></Credentials>
</AssumeRoleResult><ResponseMetadata><RequestId>request-1</RequestId></ResponseMetadata></AssumeRoleResponse>`,
  };
}

/** GetCallerIdentity's answer. */
export function caller(arn: string): StsReply {
  return {
    status: 200,
    body:
      `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>
<Arn>${arn}</Arn><UserId>AROA:s</UserId><Account>111122223333</Account></GetCallerIdentityResult>
<ResponseMetadata><RequestId>request-2</RequestId></ResponseMetadata></GetCallerIdentityResponse>`,
  };
}

/** An error as STS writes it. */
export function refusal(status: number, code: string, message: string, date?: Date): StsReply {
  const body = `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error>
<Type>Sender</Type><Code>${code}</Code><Message>${message}</Message></Error>
<RequestId>request-3</RequestId></ErrorResponse>`;
  return date === undefined ? { status, body } : { status, body, date };
}

async function read(incoming: IncomingMessage): Promise<StsRequest> {
  let text = "";
  for await (const chunk of incoming) text += chunk;
  const credential = /Credential=([^/]+)\//.exec(incoming.headers.authorization ?? "");
  const [, ...date] =
    /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(`${incoming.headers["x-amz-date"]}`) ?? [];
  const [year = 0, month = 0, ...rest] = date.map(Number);
  return {
    form: new URLSearchParams(text),
    accessKeyId: credential?.[1],
    signedAt: Date.UTC(year, month - 1, ...rest),
  };
}

function write(response: ServerResponse, reply: StsReply): void {
  if (reply === "hang") return;
  if (reply === "stall") {
    response.writeHead(200, { "Content-Type": "text/xml", "Content-Length": "1000" });
    response.write("<AssumeRoleResponse>");
    return;
  }
  response.writeHead(reply.status, {
    "Content-Type": "text/xml",
    Date: (reply.date ?? new Date()).toUTCString(),
    "x-amzn-RequestId": "request-4",
  });
  response.end(reply.body);
}

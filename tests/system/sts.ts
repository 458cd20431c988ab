/**
 * moto's STS: it answers AssumeRole, and knows afterwards whose credentials it issued. A gate in
 * front of it does what moto can't: refuse a role.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { join } from "node:path";
import { fabricAddress } from "./network.ts";
import { Running } from "./programs.ts";
import { Hopeless, until } from "./until.ts";

export const stsPort = 5000;
export const stsUrl = `http://${fabricAddress}:${stsPort}`;
/** The account that moto gives every caller. */
export const account = "123456789012";

/** Starts moto's server on the fabric. */
export async function startSts(bin: string, logs: string): Promise<Running> {
  const command = [join(bin, "moto_server"), "-H", fabricAddress, "-p", String(stsPort)];
  const running = new Running("moto", command, join(logs, "moto.log"));
  await until("moto's STS", async () => {
    if (!running.alive) throw new Hopeless(running.log().slice(-1500));
    const answer = await fetch(`${stsUrl}/moto-api/data.json`);
    await answer.body?.cancel();
    return answer.ok;
  }, { within: 120_000, every: 100 });
  return running;
}

interface StsGate {
  readonly url: string;
  /** ARNs of roles whose trust policy doesn't name the caller, so to say. */
  readonly untrusting: Set<string>;
  close(): Promise<void>;
}

const denial = `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error>
<Type>Sender</Type><Code>AccessDenied</Code><Message>not authorized, says STS</Message></Error>
<RequestId>request-1</RequestId></ErrorResponse>`;

/** Passes to moto's STS what it doesn't refuse as STS does. */
export async function startStsGate(): Promise<StsGate> {
  const untrusting = new Set<string>();
  const answer = async (incoming: IncomingMessage, response: ServerResponse) => {
    const body = await textOf(incoming);
    const refused = untrusting.has(new URLSearchParams(body).get("RoleArn") ?? "");
    const { authorization = "", "content-type": type = "" } = incoming.headers;
    const headers = { authorization, "content-type": type };
    const given = refused
      ? new Response(denial, { status: 403 })
      : await fetch(stsUrl, { method: "POST", headers, body });
    response.writeHead(given.status, { "Content-Type": "text/xml" }).end(await given.text());
  };
  // A client that was cut off midway, or moto was.
  const server = createServer((incoming, response) => {
    answer(incoming, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, fabricAddress, resolve));
  const { port: own } = server.address() as { port: number };
  return {
    url: `http://${fabricAddress}:${own}`,
    untrusting,
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

async function textOf(incoming: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of incoming) text += chunk;
  return text;
}

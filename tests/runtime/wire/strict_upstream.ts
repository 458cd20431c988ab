/**
 * A metadata service that objects: every request that reaches it has to be canonical, open to pods
 * under the most lenient reading, and made by the agent alone.
 */
import { closedReading } from "../../fakes/lenient_readings.ts";
import { type RawUpstream, rawUpstream } from "./raw_upstream.ts";

const answer = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 8\r\n\r\nUPSTREAM";

export interface StrictUpstream extends RawUpstream {
  /** What was wrong with the requests that arrived. */
  readonly objections: string[];
}

export async function strictUpstream(): Promise<StrictUpstream> {
  const objections: string[] = [];
  const upstream = await rawUpstream(({ head, socket }) => {
    objections.push(...objectionsTo(head));
    socket.write(answer);
  });
  return { ...upstream, objections };
}

const requestLine = /^(?:GET|HEAD) (\/[A-Za-z0-9._~+=,:@/-]*) HTTP\/1\.1$/;
const header = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+): ([^\r\n\0]*)$/;
/** Of one connection, of the sender, or a session: none of these is passed on. */
const notPassedOn = new Set([
  "content-length",
  "transfer-encoding",
  "te",
  "upgrade",
  "expect",
  "x-forwarded-for",
  "x-aws-ec2-metadata-token-ttl-seconds",
]);

function objectionsTo(head: string): string[] {
  const [first = "", ...lines] = head.split("\r\n");
  const path = requestLine.exec(first)?.[1];
  if (path === undefined) return [`not a canonical request: ${JSON.stringify(first)}`];
  const found: string[] = [];
  const closed = closedReading(path);
  if (closed !== undefined) found.push(`${path} can be read as ${closed}`);
  if (/\/\/|\/\.\.?(\/|$)/.test(path)) found.push(`${path} isn't canonical`);
  const headers = lines.map((line) => header.exec(line));
  if (headers.includes(null)) found.push(`malformed headers: ${JSON.stringify(lines)}`);
  const names = headers.map((match) => match?.[1]?.toLowerCase() ?? "");
  for (const name of names) if (notPassedOn.has(name)) found.push(`${name} was passed on`);
  for (const name of ["host", "x-aws-ec2-metadata-token"]) {
    if (names.filter((one) => one === name).length !== 1) found.push(`not one ${name}: ${names}`);
  }
  const token = headers.find((match) => match?.[1]?.toLowerCase() === "x-aws-ec2-metadata-token");
  if (token?.[2] !== "TOKEN") found.push(`another's token: ${token?.[2]}`);
  return found;
}

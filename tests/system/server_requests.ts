/** Requests to the server's own port, as an agent or a stranger would send them. */
import { readFileSync } from "node:fs";
import { Agent, request } from "node:https";
import { fabricAddress } from "./network.ts";

interface ServerAnswer {
  readonly status: number;
  /** The whole body, or what came of a stream. */
  readonly body: string;
}

interface ServerRequest {
  readonly path: string;
  readonly token?: string;
  readonly caFile: string;
  readonly method?: string;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** A stream is read until this comes in it. */
  readonly until?: string;
  /** Told all that has come so far, each time that more comes. */
  readonly seen?: (body: string) => void;
}

/** Sends one request; a stream is cut once `until` was seen, and fails after half a minute of silence. */
export function requestServer(wanted: ServerRequest): Promise<ServerAnswer> {
  const agent = new Agent({ ca: readFileSync(wanted.caFile, "utf8") });
  const bearer = wanted.token === undefined ? {} : { authorization: `Bearer ${wanted.token}` };
  return new Promise((resolve, reject) => {
    const options = {
      host: fabricAddress,
      port: 8443,
      servername: "rolecall-server",
      path: wanted.path,
      method: wanted.method ?? "GET",
      headers: { ...bearer, ...wanted.headers },
      agent,
    };
    const sent = request(options, (answer) => {
      let body = "";
      const done = () => {
        resolve({ status: answer.statusCode ?? 0, body });
        sent.destroy();
      };
      answer.setEncoding("utf8");
      answer.on("data", (chunk: string) => {
        body += chunk;
        wanted.seen?.(body);
        if (wanted.until !== undefined && body.includes(wanted.until)) done();
      });
      answer.on("end", done);
      answer.on("error", done);
    });
    sent.on("error", reject);
    sent.setTimeout(30_000, () => sent.destroy(new Error(`${wanted.path}: no answer in 30 s`)));
    sent.end(wanted.body);
  });
}

/** A forward proxy for HTTP and CONNECT that notes what goes through it. */
import { once } from "node:events";
import { createServer, type IncomingMessage, request } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import type { Duplex } from "node:stream";

export interface Proxy {
  /** Such as `http://127.0.0.1:3128`. */
  readonly url: string;
  /** Each request as `METHOD TARGET`, with the credentials given. */
  readonly seen: { readonly request: string; readonly authorization: string | undefined }[];
  close(): void;
}

export interface ProxyOptions {
  /** Every name leads to this port of the loopback address. */
  readonly port: number;
  /** The status that CONNECT gets; 200 by default. */
  readonly status?: number;
}

export async function startProxy({ port, status = 200 }: ProxyOptions): Promise<Proxy> {
  const seen: Proxy["seen"] = [];
  const open = new Set<Duplex>();
  const note = ({ method, url, headers }: IncomingMessage) =>
    seen.push({ request: `${method} ${url}`, authorization: headers["proxy-authorization"] });
  const server = createServer((incoming, response) => {
    note(incoming);
    const { pathname, search } = new URL(incoming.url ?? "");
    const { method, headers } = incoming;
    const onward = request({ host: "127.0.0.1", port, method, path: pathname + search, headers });
    onward.on("response", (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
      answer.pipe(response);
    });
    onward.on("error", () => response.destroy());
    incoming.pipe(onward);
  });
  server.on("connect", (incoming: IncomingMessage, client: Socket) => {
    note(incoming);
    if (status !== 200) return void client.end(`HTTP/1.1 ${status} No\r\n\r\n`);
    const onward = connect(port, "127.0.0.1");
    onward.on("connect", () => {
      client.write("HTTP/1.1 200 OK\r\n\r\n");
      client.pipe(onward).pipe(client);
    });
    for (const end of [client, onward]) {
      open.add(end);
      end.on("error", () => {});
      end.on("close", () => [client, onward].forEach((one) => one.destroy()));
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const close = () => {
    for (const socket of open) socket.destroy();
    server.closeAllConnections();
    server.close();
  };
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen, close };
}

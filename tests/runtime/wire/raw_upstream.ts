/** A metadata service whose answers a test writes byte by byte; it issues tokens on its own. */
import { createServer, type Socket } from "node:net";

/** Its requests, without the token PUT. */
export interface RawAsk {
  /** Request line and headers, a character a byte. */
  readonly head: string;
  readonly socket: Socket;
}

export interface RawUpstream {
  readonly url: string;
  readonly requested: RawAsk[];
  /** Connections since the start. */
  connections(): number;
  close(): void;
}

const tokenAnswer = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nTOKEN";

/** `answer` writes to the socket of each request that isn't the token's PUT. */
export function rawUpstream(answer: (requested: RawAsk) => void): Promise<RawUpstream> {
  const requested: RawAsk[] = [];
  const open = new Set<Socket>();
  let connections = 0;
  const server = createServer((socket) => {
    connections++;
    open.add(socket);
    let text = "";
    socket.on("error", () => {});
    socket.on("close", () => open.delete(socket));
    socket.on("data", (data) => {
      text += data.toString("latin1");
      for (let end = text.indexOf("\r\n\r\n"); end >= 0; end = text.indexOf("\r\n\r\n")) {
        const one = { head: text.slice(0, end), socket };
        text = text.slice(end + 4);
        if (one.head.startsWith("PUT ")) socket.write(tokenAnswer);
        else {
          requested.push(one);
          answer(one);
        }
      }
    });
  });
  const close = () => {
    server.close();
    for (const socket of open) socket.destroy();
  };
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      resolve({
        url: `http://127.0.0.1:${port}`,
        requested,
        connections: () => connections,
        close,
      });
    });
  });
}

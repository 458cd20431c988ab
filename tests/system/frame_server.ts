/** A fake server: it sends one agent the frames of the test. */
import { createServer, type ServerResponse } from "node:http";
import type { Frame } from "../../src/protocol/frames.ts";

interface PlayedServer {
  readonly url: string;
  send(...frames: Frame[]): void;
  stop(): void;
}

/** Over plain HTTP, for agents with its URL. A new stream starts with all frames so far. */
export function playServer(host: string, port: number): Promise<PlayedServer> {
  const received: Frame[] = [];
  const streams = new Set<ServerResponse>();
  const line = (frame: Frame) => `${JSON.stringify(frame)}\n`;
  const server = createServer((request, response) => {
    if (request.url !== "/v1/assignments") {
      response.writeHead(request.method === "POST" ? 204 : 404).end();
      return;
    }
    response.writeHead(200, { "Content-Type": "application/x-ndjson" });
    response.write([...received, { type: "synced" } as const].map(line).join(""));
    streams.add(response);
    response.once("close", () => streams.delete(response));
  });
  const say = (frames: readonly Frame[]) => {
    for (const stream of streams) stream.write(frames.map(line).join(""));
  };
  const beat = setInterval(() => say([{ type: "ping", watchAgeSeconds: 0 }]), 2000);
  const stop = () => {
    clearInterval(beat);
    server.close();
    server.closeAllConnections();
  };
  const send = (...frames: Frame[]) => {
    received.push(...frames);
    say(frames);
  };
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => resolve({ url: `http://${host}:${port}`, send, stop }));
  });
}

/**
 * The server as an agent sees it: a whole snapshot of pods with credentials, then pings. The pods'
 * addresses are those that the load comes from.
 */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { encodeFrame, type Frame } from "../src/protocol/frames.ts";

const hour = 3_600_000;

/** Pod `n`; all pods share 50 roles. */
export function podFrame(n: number, now: number): Frame {
  const name = `role-${n % 50}`;
  const instant = (at: number) => `${new Date(at).toISOString().slice(0, 19)}Z`;
  return {
    type: "assign",
    pod: {
      uid: `00000000-0000-4000-8000-${String(n).padStart(12, "0")}`,
      namespace: "bench",
      name: `pod-${n}`,
      ips: [`127.1.${Math.floor(n / 250)}.${n % 250 + 1}`],
      hostNetwork: false,
      imdsv2: false,
    },
    role: {
      arn: `arn:aws:iam::111122223333:role/${name}`,
      name,
      requested: name,
      identity: `identity-${n % 50}`,
      credentials: {
        accessKeyId: "ASIAIOSFODNN7EXAMPLE",
        secretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEYS",
        sessionToken: "IQoJb3JpZ2luX2VjE".padEnd(700, "x"),
        expiration: instant(now + hour),
        lastUpdated: instant(now),
      },
    },
  };
}

/** Serves any number of agents. */
export async function startFeed(pods: number): Promise<{ port: number; server: Server }> {
  const server = createServer((message, response) => {
    message.resume();
    if (message.url !== "/v1/assignments") return void response.end("{}");
    response.writeHead(200, { "Content-Type": "application/x-ndjson" });
    const send = (frame: Frame) => response.write(encodeFrame(frame));
    for (let n = 0; n < pods; n++) send(podFrame(n, Date.now()));
    send({ type: "synced" });
    const ping = () => send({ type: "ping", watchAgeSeconds: 0 });
    ping();
    const pings = setInterval(ping, 5000);
    response.once("close", () => clearInterval(pings));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { port: (server.address() as AddressInfo).port, server };
}

/** A TCP client that sends exactly the given bytes, for requests that no HTTP client would send. */
import { connect, type Socket } from "node:net";
import { inTime } from "./in_time.ts";

export interface RawClient {
  readonly socket: Socket;
  send(text: string): void;
  /** All that has arrived so far, a character a byte. */
  received(): string;
  /** Settles when `done` says so of all that has arrived; rejects if the other side closes before. */
  until(done: (received: string) => boolean): Promise<string>;
  /** Settles with all that has arrived when the other side has closed. */
  readonly closed: Promise<string>;
}

export function rawClient(port: number, localAddress = "127.0.0.1"): Promise<RawClient> {
  const socket = connect({ port, host: "127.0.0.1", localAddress });
  let text = "";
  const waiting = new Set<() => void>();
  socket.on("data", (data) => {
    text += data.toString("latin1");
    for (const look of waiting) look();
  });
  // A reset closes as well, which is what tests look for.
  socket.on("error", () => {});
  const closed = new Promise<string>((resolve) => {
    socket.on("end", () => resolve(text));
    socket.on("close", () => resolve(text));
  });
  const until = (done: (received: string) => boolean) =>
    inTime(
      "the bytes waited for",
      new Promise<string>((resolve, reject) => {
        const look = () => {
          if (!done(text)) return;
          waiting.delete(look);
          resolve(text);
        };
        waiting.add(look);
        void closed.then(() => {
          look();
          reject(new Error(`closed after: ${text}`));
        });
        look();
      }),
    );
  const client = { socket, send: (data: string) => void socket.write(data, "latin1") };
  return new Promise((resolve) => {
    const ready = () =>
      resolve({
        ...client,
        received: () => text,
        until,
        get closed() {
          return inTime("the connection's end", closed);
        },
      });
    socket.once("connect", ready);
    socket.once("close", ready);
  });
}

/** Sends the bytes on a connection of their own and gives all that comes back until it closes. */
export async function rawExchange(port: number, text: string): Promise<string> {
  const client = await rawClient(port);
  client.send(text);
  const answer = await client.closed;
  client.socket.destroy();
  return answer;
}

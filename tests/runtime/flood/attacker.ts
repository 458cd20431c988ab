/**
 * Opens many connections from one address at once, sends `first` on each and then a byte at a time,
 * prints twice a second how many are still open, and exits when none is. Argument: a `Flood` as JSON.
 */
import { connect, type Socket } from "node:net";
import process from "node:process";

export interface Flood {
  readonly host: string;
  readonly port: number;
  /** The address to come from, where there are several. */
  readonly from?: string;
  readonly count: number;
  /** What each sends when connected, a character a byte. */
  readonly first: string;
  /** Whether it then continues, one byte every half second. */
  readonly drips: boolean;
}

const flood = JSON.parse(process.argv[2] ?? "{}") as Flood;
const { host, port } = flood;
const open = new Set<Socket>();
let connected = 0;

for (let i = 0; i < flood.count; i++) {
  const socket = connect({ host, port, ...(flood.from ? { localAddress: flood.from } : {}) });
  open.add(socket);
  socket.once("connect", () => {
    connected++;
    if (flood.first !== "") socket.write(flood.first, "latin1");
  });
  socket.on("error", () => {});
  socket.on("end", () => socket.destroy());
  socket.on("close", () => open.delete(socket));
  socket.resume();
}

setInterval(() => {
  console.log(JSON.stringify({ connected, open: open.size }));
  if (open.size === 0) process.exit(0);
  if (!flood.drips) return;
  for (const socket of open) if (!socket.connecting) socket.write("x");
}, 500);

/**
 * Connects, sends a request, disconnects and connects again without a pause, some at once, for `seconds`; then says
 * how many connections that were. Arguments: a JSON of `Reconnecting`.
 */
import { connect } from "node:net";
import process from "node:process";

export interface Reconnecting {
  readonly host: string;
  readonly port: number;
  readonly atOnce: number;
  readonly seconds: number;
  /** What each sends when connected. */
  readonly request: string;
}

const { host, port, atOnce, seconds, request } = JSON.parse(
  process.argv[2] ?? "{}",
) as Reconnecting;
const end = performance.now() + seconds * 1000;
let made = 0;

function again(): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    made++;
    socket.once("connect", () => socket.write(request));
    socket.once("data", () => socket.destroy());
    socket.on("error", () => {});
    socket.once("close", () => resolve());
  });
}

async function goOn(): Promise<void> {
  while (performance.now() < end) await again();
}

await Promise.all(Array.from({ length: atOnce }, goOn));
console.log(JSON.stringify({ made }));
process.exit(0);

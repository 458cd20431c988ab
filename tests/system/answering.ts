/**
 * The two ends of a connection, for network namespaces: `answer TEXT PORT…` sends TEXT to every
 * client, `ask HOST PORT` prints the answer or `nobody`, `connect HOST PORT` prints `connected`,
 * the error's code or `silence`, `held HOST PORT` connects first and sends its request when a line of input arrives, `loop HOST PORT` sends requests without a pause until a line of input arrives, says so
 * once it was answered, and finally prints a count of each answer as JSON.
 */
import { connect, createServer, type Socket } from "node:net";
import process from "node:process";

/**
 * A second, in pieces: on a machine that is slow for the moment they all come late, like the answer. The
 * returned function cancels it.
 */
function patience(over: () => void): () => void {
  let ticks = 0;
  const timer = setInterval(() => {
    if (++ticks < 20) return;
    clearInterval(timer);
    over();
  }, 50);
  return () => clearInterval(timer);
}

function answer(text: string, ports: readonly string[]): void {
  let left = ports.length;
  for (const port of ports) {
    const server = createServer((socket) => {
      socket.on("error", () => {});
      socket.once("data", () => socket.end(text));
    });
    server.listen(Number(port), "::", () => {
      left -= 1;
      if (left === 0) console.log("listening");
    });
  }
}

function connected(host: string, port: string): Promise<Socket | null> {
  return new Promise((resolve) => {
    const socket = connect(Number(port), host);
    const cancel = patience(() => resolve(null));
    socket.once("connect", () => {
      cancel();
      resolve(socket);
    });
    socket.once("error", () => resolve(null));
  });
}

function connectResult(host: string, port: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(Number(port), host);
    patience(() => resolve("silence"));
    socket.once("connect", () => resolve("connected"));
    socket.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
  });
}

function received(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    const cancel = patience(() => resolve("nobody"));
    const done = (text: string) => {
      cancel();
      resolve(text);
    };
    socket.once("data", (chunk) => done(String(chunk)));
    socket.once("error", () => done("nobody"));
    socket.once("close", () => done("nobody"));
    socket.write("who?\n");
  });
}

async function send(host: string, port: string): Promise<void> {
  const socket = await connected(host, port);
  console.log(socket === null ? "nobody" : await received(socket));
  process.exit(0);
}

async function held(host: string, port: string): Promise<void> {
  const socket = await connected(host, port);
  console.log(socket === null ? "nobody" : "connected");
  process.stdin.once("data", async () => {
    console.log(socket === null ? "nobody" : await received(socket));
    process.exit(0);
  });
}

async function loop(host: string, port: string): Promise<void> {
  const tally: Record<string, number> = {};
  let going = true;
  process.stdin.once("data", () => going = false);
  while (going) {
    const socket = await connected(host, port);
    const answer = socket === null ? "nobody" : await received(socket);
    socket?.destroy();
    if (Object.keys(tally).length === 0) console.log("looping");
    tally[answer] = (tally[answer] ?? 0) + 1;
  }
  console.log(JSON.stringify(tally));
  process.exit(0);
}

const [what, first = "", ...rest] = process.argv.slice(2);
if (what === "answer") answer(first, rest);
if (what === "ask") await send(first, rest[0] ?? "");
if (what === "held") await held(first, rest[0] ?? "");
if (what === "loop") await loop(first, rest[0] ?? "");
if (what === "connect") {
  console.log(await connectResult(first, rest[0] ?? ""));
  process.exit(0);
}

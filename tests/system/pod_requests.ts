/**
 * Runs in a pod's network namespace: sends the requests that it reads from standard input, one
 * JSON object a line, and writes the answers the same way. `loop` sends the request without a pause until
 * `end` and reports each distinct answer with its count.
 */
import { Agent, request } from "node:http";
import process from "node:process";
import { createInterface } from "node:readline";

interface Order {
  readonly id: number;
  readonly kind: "once" | "loop" | "end";
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
}

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
  readonly ms: number;
}

let looping = false;

function send(order: Order, agent?: Agent): Promise<Answer | { readonly error: string }> {
  const start = performance.now();
  return new Promise((resolve) => {
    const { method, url, headers, timeoutMs } = order;
    const { hostname, port } = new URL(url);
    const path = url.slice(url.indexOf("/", "http://".length));
    const options = { hostname, port, path, method, headers, ...(agent ? { agent } : {}) };
    const sent = request(options, (got) => {
      let body = "";
      got.setEncoding("utf8");
      got.on("data", (chunk: string) => body += chunk);
      got.on("error", (error) => resolve({ error: error.message }));
      got.on("end", () => {
        const ms = Math.round(performance.now() - start);
        resolve({ status: got.statusCode ?? 0, headers: got.headers, body, ms });
      });
    });
    sent.on("error", (error) => resolve({ error: error.message }));
    sent.setTimeout(timeoutMs, () => sent.destroy(new Error("timed out")));
    sent.end();
  });
}

async function loop(order: Order): Promise<Record<string, number>> {
  const seen: Record<string, number> = {};
  const agent = new Agent({ keepAlive: false });
  looping = true;
  while (looping) {
    const answer = await send(order, agent);
    const key = "error" in answer ? `error ${answer.error}` : `${answer.status} ${answer.body}`;
    seen[key] = (seen[key] ?? 0) + 1;
  }
  return seen;
}

function print(id: number, result: object): void {
  process.stdout.write(`${JSON.stringify({ id, result })}\n`);
}

async function obey(order: Order): Promise<void> {
  if (order.kind === "loop") print(order.id, await loop(order));
  else if (order.kind === "once") print(order.id, await send(order));
  else looping = false;
}

if (import.meta.main) {
  createInterface({ input: process.stdin }).on("line", (line) => void obey(JSON.parse(line)));
}

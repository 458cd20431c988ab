/** What Deno.serve gives at best: the same bytes for everything. `PORT FILE` are its arguments. */
import { readFileSync } from "node:fs";

const [port = "0", file = ""] = Deno.args;
const body = readFileSync(file);
const headers: [string, string][] = [["Server", "EC2ws"], ["Content-Type", "text/plain"]];
Deno.serve({ port: Number(port), hostname: "127.0.0.1", onListen }, () => {
  return new Response(body, { headers });
});

function onListen({ port }: Deno.NetAddr): void {
  console.log(`LISTENING ${port}`);
}

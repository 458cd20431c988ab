/** What node:http gives at best: the same bytes for everything. `PORT FILE` are its arguments. */
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import process from "node:process";

const [port = "0", file = ""] = process.argv.slice(2);
const body = readFileSync(file);
const length = String(body.length);
const headers = ["Server", "EC2ws", "Content-Type", "text/plain", "Content-Length", length];
const server = createServer((_message, response) => {
  response.writeHead(200, headers);
  response.end(body);
});
server.listen(Number(port), "127.0.0.1", () => {
  console.log(`LISTENING ${(server.address() as AddressInfo).port}`);
});

/**
 * Requests credentials in two endless loops, over new connections and over a kept one,
 * and prints a line of JSON twice a second: the number of requests, the failures, and the slowest.
 */
import { Agent, request } from "node:http";
import process from "node:process";

process.on("SIGTERM", () => process.exit(0));

const base = "/latest/meta-data/iam/security-credentials/";
const loops = { fresh: new Agent({ keepAlive: false }), kept: new Agent({ keepAlive: true }) };
const count = { requests: 0, failed: 0, slowestMs: 0, failures: {}, keys: {} };

function send(agent, method, path, headers) {
  return new Promise((resolve, reject) => {
    const options = { host: "169.254.169.254", method, path, headers, agent };
    const sent = request(options, (answer) => {
      let body = "";
      answer.setEncoding("utf8");
      answer.on("data", (chunk) => body += chunk);
      answer.on("error", reject);
      answer.on("end", () => {
        if (answer.statusCode === 200) resolve(body);
        else reject(new Error(`${method} ${path}: ${answer.statusCode} ${body}`));
      });
    });
    sent.on("error", reject);
    // Longer than SDKs wait, for busy machines: an agent answers within a second, or says no.
    sent.setTimeout(5000, () => sent.destroy(new Error("no answer within 5 s")));
    sent.end();
  });
}

/** The requests of an SDK for credentials, without its retries. */
async function credentials(agent) {
  const ttl = { "x-aws-ec2-metadata-token-ttl-seconds": "60" };
  const token = { "x-aws-ec2-metadata-token": await send(agent, "PUT", "/latest/api/token", ttl) };
  const role = await send(agent, "GET", base, token);
  return JSON.parse(await send(agent, "GET", base + role, token)).AccessKeyId;
}

async function loop(name, agent) {
  while (true) {
    const start = performance.now();
    count.requests++;
    try {
      const key = await credentials(agent);
      count.keys[key] = (count.keys[key] ?? 0) + 1;
      count.slowestMs = Math.max(count.slowestMs, Math.round(performance.now() - start));
    } catch (error) {
      count.failed++;
      const failure = `${name}: ${error.message}`;
      count.failures[failure] = (count.failures[failure] ?? 0) + 1;
    }
    await new Promise((resolve) => setTimeout(resolve, 15));
  }
}

setInterval(() => console.log(JSON.stringify(count)), 500);
for (const [name, agent] of Object.entries(loops)) loop(name, agent);

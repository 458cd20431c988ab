/** Commands of the documentation that no test runs from its page, and why. */

const dev = "runs on: the blocks that ask it are run against it";
const gate = "it is what runs this test, or holds it";
const registry = "needs a registry; tests/cluster builds the image from the Dockerfile";
const bench = "takes minutes, and its figures are the machine's";

/** Reasons by the command as written, without the comment behind it. */
export const notRun: Readonly<Record<string, string>> = {
  "deno task dev": dev,
  "npm ci && node src/main.ts dev": `${dev}; on Node by tests/runtime/dev_test.ts`,
  "deno task test": gate,
  "deno task ok": gate,
  "docker build -t registry.example.com/rolecall:0.1.0 .": registry,
  "docker push registry.example.com/rolecall:0.1.0": registry,
  "docker build -t registry.example/rolecall:0.1.0 .": registry,
  "docker push registry.example/rolecall:0.1.0": registry,
  "deno task bench": bench,
  "deno task bench check": bench,
  "node bench/main.ts": bench,
};

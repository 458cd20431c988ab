/** What only a separate process can test: signals, exhausted file descriptors, a log nobody reads. */
import { test, type TestContext } from "node:test";
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { connect } from "node:net";
import process from "node:process";
import { rawExchange } from "../fakes/raw_client.ts";

const script = new URL("./child_runtime.ts", import.meta.url).pathname;
const runtimeArgs = "deno" in process.versions ? ["run", "-A", script] : [script];

/** `wrapper` is a shell command that ends by running the runtime in its place as "$0" "$@". */
async function child(t: TestContext, wrapper: string, ...args: string[]) {
  const running = spawn("sh", ["-c", wrapper, process.execPath, ...runtimeArgs, ...args]);
  t.after(() => running.kill("SIGKILL"));
  let output = "";
  const waiting: { text: RegExp; found: (match: RegExpExecArray) => void }[] = [];
  const look = () => {
    for (const { text, found } of waiting) {
      const match = text.exec(output);
      if (match !== null) found(match);
    }
  };
  running.stdout.on("data", (data) => {
    output += data;
    look();
  });
  const said = (text: RegExp) =>
    new Promise<RegExpExecArray>((found, failed) => {
      waiting.push({ text, found });
      look();
      running.once("exit", () => failed(new Error(`ended after: ${output}`)));
    });
  const ended = new Promise<number | string | null>((resolve) => {
    running.once("exit", (code, signal) => resolve(code ?? signal));
  });
  const port = Number((await said(/port (\d+)\n/))[1]);
  // By number: Deno's `kill()` has the exit code forgotten.
  const signal = (name: NodeJS.Signals) => process.kill(running.pid ?? 0, name);
  return { signal, port, said, ended, output: running.stdout };
}

const get = "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";

test("process: the first signal requests a stop, and its name is logged", async (t) => {
  const { signal, said, ended } = await child(t, 'exec "$0" "$@"');
  signal("SIGTERM");
  await said(/stopping SIGTERM/);
  assert.equal(await ended, 0);
});

test("process: a second signal ends it at once", async (t) => {
  const { signal, said, ended } = await child(t, 'exec "$0" "$@"', "linger");
  signal("SIGINT");
  await said(/stopping SIGINT/);
  signal("SIGTERM");
  assert.equal(await ended, 143);
});

test("process: four times as many connections as it may open files don't end it", async (t) => {
  const { port, ended } = await child(t, 'ulimit -n 120; exec "$0" "$@"');
  const sockets = Array.from({ length: 480 }, () => connect({ port, host: "127.0.0.1" }));
  await new Promise<void>((resolve) => {
    for (const socket of sockets) {
      socket.on("error", () => {});
      socket.once("close", () => resolve());
      socket.resume();
    }
  });
  for (const socket of sockets) socket.destroy();
  // It may take a few seconds, and a listener of its own making, until it accepts again.
  for (let answer = ""; !answer.endsWith("\r\n\r\n120 0");) {
    answer = String(await Promise.race([rawExchange(port, get), ended]));
    assert.doesNotMatch(answer, /^(\d+|SIG\w+|null)$/, "the process has ended");
  }
});

test("process: a log that nobody reads delays no answer, and continues once it is read", async (t) => {
  const { signal, port, ended, output } = await child(t, 'exec "$0" "$@"', "logs");
  output.pause();
  const late = new Promise<string>((resolve) => {
    const timer = setTimeout(() => resolve("nothing for a minute"), 60_000);
    t.after(() => clearTimeout(timer));
  });
  // More than both ends and the pipe between them hold; each fills what has become free.
  for (let requested = 0; requested < 5; requested++) {
    const answer = await Promise.race([rawExchange(port, get), late]);
    assert.match(answer, /\r\n\r\n\d+ \d+$/);
  }
  let read = 0;
  const caughtUp = new Promise<string>((resolve) => {
    output.on("data", (data) => (read += data.length) > 1_000_000 && resolve("caught up"));
  });
  output.resume();
  assert.equal(await Promise.race([caughtUp, late]), "caught up");
  signal("SIGTERM");
  assert.equal(await ended, 0);
});

import { test } from "node:test";
import assert from "node:assert/strict";
import { createFollowProgram, createRunProgram } from "./program.ts";

const run = createRunProgram("/usr/bin:/bin");

test("run: output, error output and code come back", async () => {
  assert.deepEqual(await run("sh", ["-c", "echo out; echo err >&2; exit 3"]), {
    code: 3,
    stdout: "out\n",
    stderr: "err\n",
  });
});

test("run: input is handed over, and may be left unread", async () => {
  assert.equal((await run("cat", [], { stdin: "in" })).stdout, "in");
  assert.equal((await run("true", [], { stdin: "x".repeat(1 << 20) })).code, 0);
});

test("run: nothing but PATH is in the environment", async () => {
  const { stdout } = await run("env", []);
  assert.deepEqual(stdout.split("\n").filter((line) => line !== ""), ["PATH=/usr/bin:/bin"]);
});

test("run: a program on the terminal returns what it prints, with the environment given", async () => {
  const env = { PATH: "/usr/bin:/bin", GIVEN: "x" };
  const { code, stdout } = await run("sh", ["-c", 'echo "$GIVEN"; exit 3'], {
    env,
    terminal: true,
  });
  assert.deepEqual([code, stdout], [3, "x\n"]);
  const missing = await run("rolecall-no-such-program", [], { terminal: true });
  assert.equal(missing.code, 127);
  const late = await run("sleep", ["60"], { terminal: true, timeoutMs: 50 });
  assert.equal(late.code, 124);
});

test("run: arguments aren't read by a shell", async () => {
  assert.equal((await run("echo", ["$(id)", ";", "`x`"])).stdout, "$(id) ; `x`\n");
});

test("run: 127 if there is no such program", async () => {
  const result = await run("rolecall-no-such-program", []);
  assert.equal(result.code, 127);
  assert.match(result.stderr, /no such program/);
});

test("run: 124 if it takes too long", async () => {
  assert.equal((await run("sleep", ["60"], { timeoutMs: 50 })).code, 124);
});

const follow = createFollowProgram("/usr/bin:/bin");

test("follow: each piece of output is announced; aborting ends the program", async () => {
  const stop = new AbortController();
  const printed = Promise.withResolvers<void>();
  const ended = follow("sh", ["-c", "echo one; exec sleep 60"], {
    output: () => printed.resolve(),
    signal: stop.signal,
  });
  await printed.promise;
  stop.abort();
  await ended;
});

test("follow: resolves when the program ends, doesn't exist, or the signal aborts", async () => {
  const { signal } = new AbortController();
  await follow("true", [], { output: () => {}, signal });
  await follow("rolecall-no-such-program", [], { output: () => {}, signal });
  await follow("sleep", ["60"], { output: () => {}, signal: AbortSignal.abort() });
});

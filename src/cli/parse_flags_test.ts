import { test } from "node:test";
import assert from "node:assert/strict";
import { flag } from "./flags.ts";
import { parseFlags } from "./parse_flags.ts";

const table = {
  listen: flag.listen("0.0.0.0:8181", "where to listen"),
  duration: flag.duration("1h", "session", { min: "15m", max: "12h" }),
  rate: flag.number(20, "calls", { min: 1, max: 100 }),
  mode: flag.choice(["optional", "required"], "optional", "tokens"),
  direct: flag.boolean("also unredirected"),
  hosts: flag.list("further names"),
  "host-ip": flag.text("", "the node's address", { env: "HOST_IP" }),
  server: flag.url("https://rolecall-server:8443", "the server"),
};

function parsed(args: string[], env: Record<string, string> = {}) {
  const result = parseFlags(table, args, env);
  assert.equal(result.kind, "parsed", JSON.stringify(result));
  return result.kind === "parsed" ? result.values : assert.fail();
}

function problems(args: string[], env: Record<string, string> = {}): readonly string[] {
  const result = parseFlags(table, args, env);
  return result.kind === "problems" ? result.problems : assert.fail("no problem found");
}

test("parseFlags() gives defaults", () => {
  const values = parsed([]);
  assert.deepEqual(values.listen, { host: "0.0.0.0", port: 8181 });
  assert.equal(values.duration, 3600);
  assert.equal(values.direct, false);
  assert.deepEqual(values.hosts, []);
});

test("parseFlags() accepts = and the next word, and lists in both forms", () => {
  const values = parsed(["--duration=15m", "--mode", "required", "--hosts=a,b", "--hosts", "c"]);
  assert.equal(values.duration, 900);
  assert.equal(values.mode, "required");
  assert.deepEqual(values.hosts, ["a", "b", "c"]);
});

test("parseFlags() prefers arguments to ROLECALL_ variables, and those to plain ones", () => {
  const env = { HOST_IP: "10.0.0.1", ROLECALL_RATE: "7", ROLECALL_DIRECT: "true" };
  assert.equal(parsed([], env)["host-ip"], "10.0.0.1");
  assert.equal(parsed([], { ...env, ROLECALL_HOST_IP: "10.0.0.2" })["host-ip"], "10.0.0.2");
  assert.equal(parsed(["--rate", "9"], env).rate, 9);
  assert.equal(parsed([], env).direct, true);
  assert.equal(parsed(["--direct=false"], env).direct, false);
});

test("parseFlags() ignores variables that Kubernetes injects", () => {
  const values = parsed([], { ROLECALL_SERVER_PORT: "tcp://10.0.0.1:8443" });
  assert.equal(values.server, "https://rolecall-server:8443");
});

test("parseFlags() lists every problem, each with flag, value and what is expected", () => {
  const found = problems(["--duration", "1d", "--raet=3", "--mode", "maybe", "--server=ftp://x"], {
    ROLECALL_RATE: "many",
  });
  assert.deepEqual(found, [
    '--duration: "1d" is not valid; expected a duration such as 90s, 15m or 1h from 15m to 12h',
    "--raet: unknown flag; did you mean --rate?",
    '--mode: "maybe" is not valid; expected one of optional, required',
    '--server: "ftp://x" is not valid; expected a URL beginning with http:// or https://',
    'ROLECALL_RATE: "many" is not valid; expected a whole number from 1 to 100',
  ]);
});

test("parseFlags() refuses a value out of range and a flag without its value", () => {
  assert.match(problems(["--duration", "14m"])[0]!, /--duration: "14m" is not valid/);
  assert.match(problems(["--rate"])[0]!, /--rate: needs a value; expected a whole number/);
});

test("parseFlags() accepts no inherited property name as a flag", () => {
  assert.match(problems(["--constructor"])[0]!, /--constructor: unknown flag/);
});

test("parseFlags() accepts only text of the expected form", () => {
  const named = { name: flag.form("a", "a name", /^[a-z]+$/, "small letters") };
  assert.deepEqual(parseFlags(named, ["--name=b"], {}).values, { name: "b" });
  const refused = parseFlags(named, ["--name=B"], {});
  assert.ok(refused.kind === "problems");
  assert.deepEqual(refused.problems, ['--name: "B" is not valid; expected small letters']);
});
